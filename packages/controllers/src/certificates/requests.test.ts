import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Request, type RequestFacts, recognized, removedAtMs, SIGNERS, whyNotSigned } from './requests.ts';

const CREATED = '2026-01-01T00:00:00Z';
const HOUR_MS = 3_600_000;
const node: RequestFacts = {
  commonName: 'system:node:a',
  organizations: ['system:nodes'],
  dnsNames: [],
  ipAddresses: [],
  emailAddresses: [],
  uris: [],
};
const CLIENT = ['digital signature', 'client auth'];
const request = (spec: Partial<Request['spec']>, conditions: string[] = [], certificate?: string): Request => ({
  metadata: { name: 'r', creationTimestamp: CREATED },
  spec: { request: '', signerName: SIGNERS.kubeletClient, usages: CLIENT, ...spec } as Request['spec'],
  status: {
    conditions: conditions.map((type) => ({ type, status: 'True', lastUpdateTime: '2026-01-01T02:00:00Z' })),
    ...(certificate ? { certificate } : {}),
  },
});

test('a kubelet may renew its own certificate, a bootstrapper may ask for any', () => {
  const subresources = (username: string, facts = node, usages = CLIENT) =>
    recognized(request({ username, usages }), facts).map(({ subresource }) => subresource);
  assert.deepEqual(subresources('system:node:a'), ['selfnodeclient', 'nodeclient']);
  assert.deepEqual(subresources('system:bootstrap:x'), ['nodeclient']);
  assert.deepEqual(subresources('system:node:a', { ...node, organizations: ['system:masters'] }), []);
  assert.deepEqual(subresources('system:node:a', { ...node, dnsNames: ['a'] }), []);
  assert.deepEqual(subresources('system:node:a', node, ['digital signature', 'server auth']), []);
  assert.deepEqual(recognized(request({ username: 'system:node:a', signerName: SIGNERS.client }), node), []);
});

test('each signer signs only what it is for', () => {
  const serving = { ...node, dnsNames: ['a'] };
  assert.equal(whyNotSigned(SIGNERS.kubeletServing, serving, ['digital signature', 'server auth', 'key encipherment']), undefined);
  assert.match(whyNotSigned(SIGNERS.kubeletServing, node, ['digital signature', 'server auth'])!, /at least one DNS or IP/);
  assert.equal(whyNotSigned(SIGNERS.client, { ...node, organizations: [] }, ['client auth']), undefined);
  assert.match(whyNotSigned(SIGNERS.client, node, ['server auth'])!, /invalid usages/);
});

test('requests go an hour after their end, a day after nobody answered', () => {
  const hours = (each: Request) => (removedAtMs(each) - Date.parse(CREATED)) / HOUR_MS;
  assert.equal(hours(request({})), 24);
  assert.equal(hours(request({}, ['Approved'], 'pem')), 3);
  assert.equal(hours(request({}, ['Denied'])), 3);
  assert.equal(hours(request({}, ['Approved'])), 24);
});
