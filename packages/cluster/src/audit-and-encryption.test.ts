// A cluster whose configuration names an audit policy and an encryption configuration.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { completeConfiguration } from './configuration.ts';
import { startCluster } from './start-cluster.ts';

const folder = mkdtempSync(join(tmpdir(), 'tiphys-audit-'));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: object): string => {
  writeFileSync(join(folder, name), JSON.stringify(content));
  return join(folder, name);
};

test('what is asked is written down, and what is stored can not be read', async () => {
  const auditLogFile = join(folder, 'audit.log');
  const rules = [
    { level: 'Metadata', verbs: ['create'], resources: [{ group: '', resources: ['secrets'] }], omitStages: ['RequestReceived'] },
  ];
  const keys = [{ name: 'one', secret: Buffer.alloc(32, 1).toString('base64') }];
  const encryptionProviderConfigFile = file('encryption.json', {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [{ resources: ['secrets'], providers: [{ secretbox: { keys } }, { identity: {} }] }],
  });
  const auditPolicyFile = file('policy.json', { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules });
  const directory = join(folder, 'data');
  const options = { directory, port: 0, runtime: 'none' as const, controllers: 'none' as const, scheduler: 'none' as const };
  const cluster = await startCluster({ ...options, auditPolicyFile, auditLogFile, encryptionProviderConfigFile });
  await cluster.client.of(corev1.secrets).create({ metadata: { name: 'mine', namespace: 'default' }, stringData: { a: 'open sesame' } });
  await cluster.close();
  const lines = readFileSync(auditLogFile, 'utf8').trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line)).filter(({ objectRef }) => objectRef.name === 'mine');
  assert.deepEqual(
    events.map(({ stage, verb, responseStatus }) => [stage, verb, responseStatus.code]),
    [['ResponseComplete', 'create', 201]],
  );
  const encoded = Buffer.from('open sesame').toString('base64');
  const stored = readFileSync(join(directory, 'state.db'), 'latin1');
  assert.deepEqual([stored.includes('k8s:enc:secretbox:v1:one:'), stored.includes(encoded)], [true, false]);
});

test('an audit policy needs a place for its events, and a place a policy', () => {
  assert.throws(() => completeConfiguration({ auditPolicyFile: 'x' }), /auditLogFile/);
  assert.throws(() => completeConfiguration({ auditLogFile: 'x' }), /auditPolicyFile/);
  assert.throws(() => completeConfiguration({ maxRequestsInflight: 0 }), /maxRequestsInflight: must be a whole number, 1 or more/);
});
