import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, discoveryv1 } from '@tiphys/api';
import { packSlices } from '../endpoint-slice/slices.ts';
import { subsetsOf } from '../endpoints/endpoints-controller.ts';
import { targetPort } from './service-pods.ts';

const service: corev1.Service = {
  metadata: { name: 'web', namespace: 'n', uid: 'u' },
  spec: { clusterIP: '10.96.0.5', selector: { app: 'web' } },
};
const endpoint = (n: number): discoveryv1.Endpoint => ({
  addresses: [`10.0.${n >> 8}.${n & 255}`],
  targetRef: { name: `p${n}`, namespace: 'n', uid: `${n}` },
});
const many = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => endpoint(from + i));
const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
const shown = (changes: ReturnType<typeof packSlices>) => [
  ...changes.create.map((s) => `create ${s.endpoints?.length}`),
  ...changes.update.map((s) => `update ${s.metadata!.name} ${s.endpoints?.length}`),
  ...changes.remove.map((s) => `remove ${s.metadata!.name}`),
];
const existing = (name: string, endpoints: discoveryv1.Endpoint[]): discoveryv1.EndpointSlice => {
  const [made] = packSlices(service, 'IPv4', [], [{ ports, endpoints: [endpoint(9999)] }]).create;
  return { ...made!, metadata: { ...made!.metadata, name }, endpoints };
};

test('endpoints go into slices of a hundred; none at all into one that is empty', () => {
  assert.deepEqual(shown(packSlices(service, 'IPv4', [], [{ ports, endpoints: many(0, 250) }])), ['create 100', 'create 100', 'create 50']);
  assert.deepEqual(shown(packSlices(service, 'IPv4', [], [])), ['create 0']);
});

test('a change touches as few slices as it can', () => {
  const slices = [existing('a', many(0, 100)), existing('b', many(100, 150))];
  assert.deepEqual(shown(packSlices(service, 'IPv4', slices, [{ ports, endpoints: many(0, 150) }])), []);
  assert.deepEqual(shown(packSlices(service, 'IPv4', slices, [{ ports, endpoints: many(0, 151) }])), ['update b 51']);
  assert.deepEqual(shown(packSlices(service, 'IPv4', slices, [{ ports, endpoints: [...many(1, 150), endpoint(500)] }])), ['update a 100']);
  assert.deepEqual(shown(packSlices(service, 'IPv4', slices, [{ ports, endpoints: many(0, 100) }])), ['remove b']);
  assert.deepEqual(shown(packSlices(service, 'IPv4', [existing('a', many(0, 3))], [])), ['create 0', 'remove a']);
});

test('subsets join the ports that the same pods offer', () => {
  const entry = (ip: string, ready: boolean, names: string[]) => ({
    address: { ip, targetRef: { uid: ip } },
    ready,
    ports: names.map((name, i) => ({ name, port: 80 + i })),
  });
  assert.deepEqual(subsetsOf([entry('10.0.0.2', true, ['a', 'b']), entry('10.0.0.1', false, ['a', 'b'])]), [
    {
      addresses: [{ ip: '10.0.0.2', targetRef: { uid: '10.0.0.2' } }],
      notReadyAddresses: [{ ip: '10.0.0.1', targetRef: { uid: '10.0.0.1' } }],
      ports: [
        { name: 'a', port: 80 },
        { name: 'b', port: 81 },
      ],
    },
  ]);
});

test('a named target port is looked up in the pod, sidecars included', () => {
  const pod: corev1.Pod = {
    spec: {
      containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }],
      initContainers: [{ name: 's', restartPolicy: 'Always', ports: [{ name: 'side', containerPort: 9 }] }],
    },
  };
  assert.equal(targetPort(pod, { port: 80, targetPort: 'http' }), 8080);
  assert.equal(targetPort(pod, { port: 80, targetPort: 'side' }), 9);
  assert.equal(targetPort(pod, { port: 80, targetPort: 'none' }), undefined);
  assert.equal(targetPort(pod, { port: 80, targetPort: 81 }), 81);
  assert.equal(targetPort(pod, { port: 80 }), 80);
});
