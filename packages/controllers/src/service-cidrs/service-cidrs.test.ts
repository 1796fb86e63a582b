import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkingv1 } from '@tiphys/api';
import { startTestCluster } from '../testing/cluster.ts';
import { canGo, serviceCidrsController } from './service-cidrs-controller.ts';

const range = (name: string, ...cidrs: string[]): networkingv1.ServiceCIDR => ({ metadata: { name }, spec: { cidrs } });
const address = (name: string, managed = true): networkingv1.IPAddress => ({
  metadata: { name, labels: managed ? { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } : {} },
  spec: { parentRef: { resource: 'services', name: 'x' } },
});

test('a range goes when no address would be left without one', () => {
  const own = range('own', '192.168.0.0/24', '2001:db2::/64');
  const free = (ranges: networkingv1.ServiceCIDR[], addresses: networkingv1.IPAddress[]) => canGo(own, [own, ...ranges], addresses);
  assert.ok(free([], []));
  assert.ok(!free([], [address('192.168.0.1')]));
  assert.ok(!free([], [address('2001:db2::10')]));
  assert.ok(free([], [address('192.168.0.1', false)]));
  assert.ok(free([], [address('10.0.0.1')]));
  assert.ok(free([range('same', '192.168.0.0/24')], [address('192.168.0.1')]));
  assert.ok(!free([range('half', '192.168.0.0/28')], [address('192.168.0.100')]));
  assert.ok(free([range('half', '192.168.0.0/28')], [address('192.168.0.1')]));
  assert.ok(free([range('wide', '192.168.0.0/16', '2001::/16')], [address('192.168.0.100'), address('2001:db2::10')]));
});

test('a new range becomes ready and is kept by its finalizer', async () => {
  await using cluster = await startTestCluster([serviceCidrsController]);
  const ranges = cluster.client.of(networkingv1.servicecidrs);
  await ranges.create(range('more', '10.200.0.0/24'));
  const isReady = ({ status }: networkingv1.ServiceCIDR) => status?.conditions?.[0]?.status === 'True';
  const ready = await cluster.until(networkingv1.servicecidrs, 'more', isReady);
  assert.deepEqual(ready.metadata?.finalizers, ['networking.k8s.io/service-cidr-finalizer']);
  assert.equal(ready.status?.conditions?.[0]?.message, 'Kubernetes Service CIDR is ready');
  assert.ok(
    ready.metadata?.managedFields?.some(({ manager, operation }) => manager === 'service-cidr-controller' && operation === 'Apply'),
  );
});
