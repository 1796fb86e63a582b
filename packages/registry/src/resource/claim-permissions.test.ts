import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { resourcev1 } from '@tiphys/api';
import { claimPermissions } from './claim-permissions.ts';

const device = (driver: string) => ({ driver, pool: 'p', device: 'd' });
const on = (...values: string[]): resourcev1.AllocationResult => ({
  devices: { results: ['a', 'b'].map((driver) => ({ ...device(driver), request: 'r' })) },
  nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values }] }] },
});
const claim = (status?: resourcev1.ResourceClaimStatus): resourcev1.ResourceClaim => ({
  metadata: { name: 'c', namespace: 'team' },
  spec: { devices: {} },
  ...(status ? { status } : {}),
});
const asked = (status: resourcev1.ResourceClaimStatus | undefined, old: resourcev1.ResourceClaimStatus | undefined) =>
  claimPermissions(claim(status), claim(old)).map(({ subresource, namespace, name, node }) =>
    [subresource, namespace, name, node === undefined ? '' : `on ${node}`].join(' ').trim(),
  );

test('who allocates or reserves must be allowed to bind, anywhere', () => {
  assert.deepEqual(asked({ allocation: on('n') }, undefined), ['binding']);
  assert.deepEqual(asked(undefined, { allocation: on('n') }), ['binding']);
  assert.deepEqual(asked({ reservedFor: [{ resource: 'pods', name: 'x', uid: 'u' }] }, {}), ['binding']);
  assert.deepEqual(asked({ reservedFor: [] }, undefined), [], 'an empty list is none');
});

test('who tells of devices must be allowed to for each driver that is told of anew, otherwise, or no more', () => {
  const allocation = on('n');
  const told = (...devices: resourcev1.AllocatedDeviceStatus[]) => ({ allocation, devices });
  assert.deepEqual(asked(told(device('b'), device('a')), { allocation }), ['driver team a on n', 'driver team b on n']);
  assert.deepEqual(asked(told({ ...device('b'), data: {} }, device('a')), told(device('a'), device('b'))), ['driver team b on n']);
  assert.deepEqual(asked(told(device('a')), told(device('a'), device('b'))), ['driver team b on n']);
  assert.deepEqual(asked(told(device('a'), device('b')), told(device('b'), device('a'))), [], 'their order is none of this');
  assert.deepEqual(asked({}, told(device('a'))), ['binding'], 'what was told goes with the allocation');
});

test('a claim is on a node when it names exactly one', () => {
  const old = { allocation: on('n') };
  const nodeOf = (nodeSelector: resourcev1.AllocationResult['nodeSelector']) =>
    claimPermissions(claim({ allocation: { ...old.allocation, nodeSelector }, devices: [device('a')] }), claim(old)).at(-1)!.node;
  const one = on('n').nodeSelector!.nodeSelectorTerms[0]!;
  assert.equal(nodeOf({ nodeSelectorTerms: [one] }), 'n');
  assert.equal(nodeOf(undefined), '');
  assert.equal(nodeOf({ nodeSelectorTerms: [one, one] }), '');
  assert.equal(nodeOf(on('n', 'm').nodeSelector), '');
  assert.equal(nodeOf({ nodeSelectorTerms: [{ ...one, matchExpressions: [{ key: 'zone', operator: 'Exists' }] }] }), '');
  assert.equal(nodeOf({ nodeSelectorTerms: [{ matchFields: [{ ...one.matchFields![0]!, operator: 'NotIn' }] }] }), '');
});
