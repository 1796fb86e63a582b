import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDefaults, type KubeObject, normalize, type resourcev1 } from '@tiphys/api';
import type { Errors } from '../rules/errors.ts';
import { check, definitionOf, lines, world } from '../test-support.ts';
import { checkDeviceStatuses, checkShareId } from './device-status.ts';

const faultOf = (id: string) => {
  const errors: Errors = [];
  checkShareId(errors, 'x', id);
  return errors[0]?.message.replace(/^Invalid value: "[^"]*": /, '');
};

test('a share is named by a UUID in its normal form', () => {
  const id = '2f0d4bbe-26a8-4b6a-9a4b-5dc6a4b2e0a1';
  assert.equal(faultOf(id), undefined);
  assert.equal(faultOf('1'), 'error validating uid: invalid UUID length: 1');
  assert.equal(faultOf(id.replace('2', 'x')), 'error validating uid: invalid UUID format');
  assert.equal(faultOf(`(${id})`), 'error validating uid: invalid bracketed UUID format');
  for (const form of [id.toUpperCase(), `{${id}}`, `urn:uuid:${id}`, id.replaceAll('-', '')])
    assert.match(faultOf(form)!, /^uid must be in RFC 4122/);
});

test('addresses of a device have a prefix and one form', () => {
  const errors: Errors = [];
  const device = { driver: 'd.example.com', pool: 'p', device: 'd' };
  checkDeviceStatuses(errors, {
    allocation: { devices: { results: [{ ...device, request: 'r' }] } },
    devices: [{ ...device, networkData: { ips: ['10.0.0.5/24', '10.0.0.5', '2001:DB8::1/64'] } }],
  });
  assert.deepEqual(
    errors.map(({ field, message }) => [field, message.split(': ').at(-1)]),
    [
      [
        'status.devices[0].networkData.ips[1]',
        'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)'.split(': ').at(-1),
      ],
      ['status.devices[0].networkData.ips[2]', 'must be in canonical form ("2001:db8::1/64")'],
    ],
  );
});

test('what was told of devices goes with their allocation, and administrators’ results need the namespace’s label', () => {
  const device = { driver: 'd.example.com', pool: 'p', device: 'd' };
  const result = { ...device, request: 'r' };
  const claim = (status: resourcev1.ResourceClaimStatus): resourcev1.ResourceClaim => ({
    metadata: { name: 'c', namespace: 'default' },
    spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c', allocationMode: 'All' } }] } },
    status,
  });
  const { status } = definitionOf('ResourceClaim');
  const allocated = claim({ allocation: { devices: { results: [result] } }, devices: [device] });
  const prepared = (after: resourcev1.ResourceClaim) => {
    after.metadata!.labels = { a: 'b' };
    status!.prepareForUpdate!(after, allocated, world().context);
    assert.equal(after.metadata!.labels, undefined);
    return after.status!.devices;
  };
  assert.deepEqual(prepared(structuredClone(allocated)), [device]);
  assert.equal(prepared(claim({ devices: [device] })), undefined);
  assert.deepEqual(prepared(claim({ devices: [device, { ...device, device: 'other' }] })), [{ ...device, device: 'other' }]);

  const administered = claim({ allocation: { devices: { results: [{ ...result, adminAccess: true }] } } });
  const refusals = (labels: Record<string, string>, old: resourcev1.ResourceClaim) => {
    const { context } = world([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default', labels } }]);
    return lines(status!.validateUpdate!(administered, old, { ...context, namespace: 'default' }));
  };
  assert.deepEqual(refusals({}, claim({})), [
    'status.allocation.devices.results[0].adminAccess: Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace',
  ]);
  assert.deepEqual(refusals({ 'resource.kubernetes.io/admin-access': 'true' }, claim({})), []);
  assert.deepEqual(refusals({}, administered), []);
});

test('lists of a slice count as given when they came empty', () => {
  const asked = (lists: object) => {
    const spec = { driver: 'd.example.com', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, nodeName: 'n', ...lists };
    const slice = { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceSlice', metadata: { name: 's' }, spec };
    return check(applyDefaults(normalize(slice).object as KubeObject));
  };
  const sharedCounters = [{ name: 's', counters: { c: { value: '1' } } }];
  const both = ['spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed'];
  assert.deepEqual(asked({ sharedCounters }), []);
  assert.deepEqual(asked({ sharedCounters, devices: [] }), both);
  assert.deepEqual(asked({ sharedCounters: [], devices: [] }), both);
  assert.deepEqual(asked({ devices: [] }), []);
});
