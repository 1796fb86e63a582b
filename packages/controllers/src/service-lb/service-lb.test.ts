import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { NAMESPACE, startTestCluster } from '../testing/cluster.ts';
import { type LoadBalancerProvider, serviceLbController } from './service-lb-controller.ts';

function provider(): LoadBalancerProvider & { balancers: Map<string, string> } {
  const balancers = new Map<string, string>();
  const write = (service: corev1.Service, nodes: readonly corev1.Node[]) =>
    void balancers.set(service.metadata!.name!, nodes.map(({ metadata }) => metadata!.name!).join());
  return {
    balancers,
    exists: async ({ metadata }) => balancers.has(metadata!.name!),
    ensure: async (service, nodes) => {
      write(service, nodes);
      return { ingress: [{ ip: '203.0.113.1' }] };
    },
    update: async (service, nodes) => write(service, nodes),
    remove: async ({ metadata }) => void balancers.delete(metadata!.name!),
  };
}

const service = (name: string, spec: Partial<corev1.ServiceSpec> = {}): corev1.Service => ({
  metadata: { name, namespace: NAMESPACE },
  spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
});

test('a balancer is made, follows the nodes, and goes with the Service', async () => {
  const balancers = provider();
  await using cluster = await startTestCluster([serviceLbController(balancers)]);
  const services = cluster.client.of(corev1.services);
  await cluster.client.of(corev1.nodes).create({ metadata: { name: 'a' } });
  await services.create(service('web'));
  await services.create(service('other', { loadBalancerClass: 'example.com/own' }));
  const made = await cluster.until(corev1.services, 'web', ({ status }) => (status?.loadBalancer?.ingress?.length ?? 0) > 0);
  assert.deepEqual(made.metadata?.finalizers, ['service.kubernetes.io/load-balancer-cleanup']);
  assert.equal(made.status?.loadBalancer?.ingress?.[0]?.ip, '203.0.113.1');
  assert.deepEqual([...balancers.balancers], [['web', 'a']]);
  await cluster.client.of(corev1.nodes).create({ metadata: { name: 'b' } });
  await cluster.untilAll(corev1.events, (list) => list.some(({ reason }) => reason === 'UpdatedLoadBalancer'));
  assert.deepEqual([...balancers.balancers], [['web', 'a,b']]);
  await services.delete('web', NAMESPACE);
  await cluster.untilAll(corev1.services, (list) => list.every(({ metadata }) => metadata?.name !== 'web'));
  assert.equal(balancers.balancers.size, 0);
  const reasons = (await cluster.client.of(corev1.events).list({ namespace: NAMESPACE })).items.map(({ reason }) => reason);
  for (const reason of ['EnsuringLoadBalancer', 'EnsuredLoadBalancer', 'UpdatedLoadBalancer', 'DeletingLoadBalancer'])
    assert.ok(reasons.includes(reason), reason);
});
