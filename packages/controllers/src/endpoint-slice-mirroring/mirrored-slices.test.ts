import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, discoveryv1 } from '@tiphys/api';
import { MIRROR_MANAGER, mirror } from './mirrored-slices.ts';

const endpoints = (subsets: corev1.EndpointSubset[]): corev1.Endpoints => ({
  metadata: { name: 'db', namespace: 'default', uid: 'uid-db', labels: { tier: 'data' } },
  subsets,
});
const subset = (ips: string[], port: number, notReady: string[] = []): corev1.EndpointSubset => ({
  addresses: ips.map((ip) => ({ ip })),
  notReadyAddresses: notReady.map((ip) => ({ ip })),
  ports: [{ port, protocol: 'TCP' }],
});
const stored = (slice: discoveryv1.EndpointSlice, name: string): discoveryv1.EndpointSlice => ({
  ...slice,
  metadata: { ...slice.metadata, name, resourceVersion: '7' },
});
const shown = (slices: discoveryv1.EndpointSlice[]) =>
  slices.map(({ metadata, addressType, ports, endpoints: list }) =>
    [
      metadata!.name ?? metadata!.generateName,
      addressType,
      ports![0]!.port,
      list!.map((each) => `${each.addresses[0]}${each.conditions!.ready ? '' : '!'}`).join(),
    ].join(' '),
  );

test('one slice for each set of ports and kind of address', () => {
  const { create } = mirror(endpoints([subset(['10.0.0.1', 'fd00::1'], 5432, ['10.0.0.2']), subset(['10.0.0.3'], 6432)]), []);
  assert.deepEqual(shown(create), ['db- IPv4 5432 10.0.0.1,10.0.0.2!', 'db- IPv6 5432 fd00::1', 'db- IPv4 6432 10.0.0.3']);
  assert.deepEqual(create[0]!.metadata!.labels, {
    tier: 'data',
    'kubernetes.io/service-name': 'db',
    'endpointslice.kubernetes.io/managed-by': MIRROR_MANAGER,
  });
});

test('what is right stays, what changed is written over, what is gone is reused or removed', () => {
  const before = endpoints([subset(['10.0.0.1'], 5432)]);
  const slice = stored(mirror(before, []).create[0]!, 'db-a');
  assert.deepEqual(mirror(before, [slice]), { create: [], update: [], remove: [], skipped: 0 });
  assert.deepEqual(shown(mirror(endpoints([subset(['10.0.0.9'], 5432)]), [slice]).update), ['db-a IPv4 5432 10.0.0.9']);
  const moved = mirror(endpoints([subset(['10.0.0.1'], 9999)]), [slice]);
  assert.deepEqual([shown(moved.update), moved.create.length, moved.remove.length], [['db-a IPv4 9999 10.0.0.1'], 0, 0]);
  assert.deepEqual(shown(mirror(endpoints([]), [slice]).remove), ['db-a IPv4 5432 10.0.0.1']);
});

test('no more than a thousand addresses of a subset', () => {
  const many = Array.from({ length: 1005 }, (_, i) => `10.1.${Math.floor(i / 250)}.${i % 250}`);
  const { create, skipped } = mirror(endpoints([subset(many, 80)]), []);
  assert.deepEqual([create[0]!.endpoints!.length, skipped], [1000, 5]);
});
