import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { container, pod } from '../../test/pods.ts';
import { containerEnvironment, type EnvironmentSources } from './environment.ts';

const service: corev1.Service = {
  metadata: { name: 'my-db', namespace: 'default' },
  spec: { clusterIP: '10.96.0.7', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] },
};
const sources: EnvironmentSources = {
  configMap: (name) => (name === 'cm' ? { data: { a: '1' } } : undefined),
  secret: (name) => (name === 's' ? { data: { p: Buffer.from('word').toString('base64') } } : undefined),
  services: [service],
  envFile: (volume, path) =>
    volume === 'shared'
      ? { path: `/v/${path}`, ...(path === 'app.env' ? { text: "# made by init\nA='1'\nB='x\ny' # both\n" } : {}) }
      : undefined,
  podIps: ['10.0.0.5'],
  hostIp: '192.0.2.1',
  allocatable: { cpu: '4', memory: '8Gi' },
};
const environment = (more: Partial<corev1.Container>) => {
  const own = container('c', more);
  return Object.fromEntries(containerEnvironment(pod({ containers: [own] }), own, sources));
};

test('variables refer to earlier ones and to services', () => {
  const variables = environment({
    env: [
      { name: 'A', value: 'x' },
      { name: 'B', value: '$(A) $$(A) $(MISSING) $(MY_DB_SERVICE_HOST)' },
    ],
  });
  assert.equal(variables.B, 'x $(A) $(MISSING) 10.96.0.7');
  assert.equal(variables.MY_DB_PORT_5432_TCP, 'tcp://10.96.0.7:5432');
  assert.equal(variables.MY_DB_SERVICE_PORT_SQL, '5432');
});

test('sources', () => {
  const variables = environment({
    resources: { limits: { memory: '64Mi' } },
    envFrom: [{ prefix: 'p_', configMapRef: { name: 'cm' } }, { configMapRef: { name: 'none', optional: true } }],
    env: [
      { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'p' } } },
      { name: 'N', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'M', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      { name: 'C', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      { name: 'O', valueFrom: { configMapKeyRef: { name: 'cm', key: 'none', optional: true } } },
    ],
  });
  assert.deepEqual(
    [variables.p_a, variables.S, variables.N, variables.M, variables.C, 'O' in variables],
    ['1', 'word', 'p', '64', '4', false],
  );
});

test('what is missing is said with upstream’s words', () => {
  assert.throws(() => environment({ envFrom: [{ secretRef: { name: 'x' } }] }), { message: 'secret "x" not found' });
  assert.throws(() => environment({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'z' } } }] }), {
    message: "couldn't find key z in ConfigMap default/cm",
  });
});

test('variables from files', () => {
  const from = (key: string, more: object = {}) => {
    const fileKeyRef = { volumeName: 'shared', path: 'app.env', key, ...more };
    return environment({ env: [{ name: 'V', valueFrom: { fileKeyRef } }] }).V;
  };
  assert.deepEqual([from('A'), from('B'), from('C', { optional: true })], ['1', 'x\ny', undefined]);
  assert.throws(() => from('C'), { message: 'environment variable key "C" not found in file "/v/app.env"' });
  assert.throws(() => from('A', { path: 'none' }), { message: "couldn't parse env file" });
  assert.throws(() => from('A', { volumeName: 'none' }), { message: 'cannot find the volume "none" referenced by FileKeyRef' });
});
