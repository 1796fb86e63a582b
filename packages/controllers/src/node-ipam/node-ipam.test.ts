import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { startTestCluster } from '../testing/cluster.ts';
import { nodeIpamController, parts } from './node-ipam-controller.ts';

test('the parts of a network, of both families', () => {
  const four = parts('10.1.0.0/16');
  assert.deepEqual([four.count, String(four.at(0)), String(four.at(255))], [256, '10.1.0.0/24', '10.1.255.0/24']);
  assert.deepEqual([four.indexOf('10.1.7.0/24'), four.indexOf('10.2.7.0/24'), four.indexOf('x')], [7, -1, -1]);
  const six = parts('2001:db8::/56', 64);
  assert.deepEqual([six.count, String(six.at(1))], [256, '2001:db8:0:1::/64']);
});

test('every node gets a part of its own; when there is none, it is said', async () => {
  const controller = nodeIpamController({ clusterCidr: '10.1.0.0/22', serviceCidr: '10.1.0.0/24' });
  await using cluster = await startTestCluster([controller]);
  const nodes = cluster.client.of(corev1.nodes);
  await nodes.create({ metadata: { name: 'own' }, spec: { podCIDR: '10.1.2.0/24', podCIDRs: ['10.1.2.0/24'] } });
  for (const name of ['a', 'b', 'c']) await nodes.create({ metadata: { name } });
  const given = (list: readonly corev1.Node[]) => list.map(({ spec }) => spec?.podCIDR).filter((cidr) => cidr !== undefined);
  const all = await cluster.untilAll(corev1.nodes, (list) => given(list).length === 3);
  assert.deepEqual(given(all).sort(), ['10.1.1.0/24', '10.1.2.0/24', '10.1.3.0/24']);
  const events = await cluster.untilAll(corev1.events, (list) => list.some(({ reason }) => reason === 'CIDRNotAvailable'));
  assert.match(events.find(({ reason }) => reason === 'CIDRNotAvailable')!.message!, /^Node [abc] status is now: CIDRNotAvailable$/);
});
