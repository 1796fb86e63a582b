import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOwnServing } from './serving-approver.ts';

const facts = {
  commonName: 'system:node:b',
  organizations: ['system:nodes'],
  dnsNames: [] as string[],
  ipAddresses: ['10.244.1.1'],
  emailAddresses: [],
  uris: [],
};
const spec = { request: '', signerName: 'kubernetes.io/kubelet-serving', usages: [], username: 'system:node:b', groups: ['system:nodes'] };
const node = (name: string, podCIDR: string) => ({ metadata: { name }, spec: { podCIDR } });
const world = { podCidr: '10.244.0.0/16', taken: ['10.244.0.0/24'], nodes: [node('a', '10.244.0.0/24'), node('b', '10.244.1.0/24')] };
const isApproved = (changes: { facts?: object; spec?: object; nodes?: ReturnType<typeof node>[] }) =>
  isOwnServing({ spec: { ...spec, ...changes.spec } }, { ...facts, ...changes.facts }, { ...world, nodes: changes.nodes ?? world.nodes });

test('a node gets a certificate for its own address and for nothing else', () => {
  assert.equal(isApproved({}), true);
  assert.equal(isApproved({ facts: { ipAddresses: ['10.244.0.1'] } }), false);
  assert.equal(isApproved({ facts: { ipAddresses: ['10.244.1.1', '10.96.0.1'] } }), false);
  assert.equal(isApproved({ facts: { dnsNames: ['kubernetes'] } }), false);
  assert.equal(isApproved({ facts: { commonName: 'system:node:a' } }), false);
  assert.equal(isApproved({ spec: { username: 'system:bootstrap:abcdef' } }), false);
  assert.equal(isApproved({ spec: { groups: [] } }), false);
});

test('a range that the node made up does not count', () => {
  const claimed = (range: string, address: string) =>
    isApproved({ nodes: [node('a', '10.244.5.0/24'), node('b', range)], facts: { ipAddresses: [address] } });
  assert.equal(claimed('10.244.9.0/24', '10.244.9.1'), true);
  assert.equal(claimed('10.244.0.0/24', '10.244.0.1'), false, 'the first node’s');
  assert.equal(claimed('10.244.5.0/24', '10.244.5.1'), false, 'another’s');
  assert.equal(claimed('192.0.2.0/24', '192.0.2.1'), false, 'outside the cluster’s');
  assert.equal(claimed('10.244.0.0/16', '10.244.0.1'), false, 'all of it');
});
