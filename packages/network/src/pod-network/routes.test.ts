import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { inNamespace, runProgram } from '../run-program.ts';
import { skipWithoutRoot } from '../testing/kernel-lab.ts';
import { MACHINE_ADDRESS, removeRoutes, routeChanges, routesTo } from './routes.ts';

const node = (name: string, podCIDR?: string, address?: string): corev1.Node => ({
  metadata: { name, ...(address ? { annotations: { [MACHINE_ADDRESS]: address } } : {}) },
  ...(podCIDR ? { spec: { podCIDR } } : {}),
});
const OWN = { nodeName: 'a', machineAddress: '192.0.2.1', clusterCidr: '10.244.0.0/16' };

test('there is a route to each other machine that says its range and its address', () => {
  const nodes = [
    node('a', '10.244.0.0/24', '192.0.2.1'),
    node('b', '10.244.1.0/24', '192.0.2.2'),
    node('simulated', '10.244.2.0/24'),
    node('no-range', undefined, '192.0.2.4'),
    node('beside', '10.244.4.0/24', '192.0.2.1'),
    node('odd', '10.244.5.0/24', 'dev eth0'),
    node('outside', '192.0.2.0/24', '192.0.2.5'),
    node('own', '10.244.0.0/25', '192.0.2.6'),
    node('all', '10.244.0.0/16', '192.0.2.7'),
    node('second', '10.244.1.0/24', '192.0.2.9'),
  ];
  assert.deepEqual(routesTo(nodes, OWN), [{ to: '10.244.1.0/24', via: '192.0.2.2' }]);
});

test('only what differs is changed', () => {
  const b = { to: '10.244.1.0/24', via: '192.0.2.2' };
  assert.deepEqual(routeChanges([b], [b]), []);
  assert.deepEqual(routeChanges([], [b]), [['replace', b.to, 'via', b.via, 'proto', '84']]);
  assert.deepEqual(routeChanges([b], []), [['del', b.to, 'proto', '84']]);
  assert.deepEqual(routeChanges([b], [{ ...b, via: '192.0.2.3' }]), [['replace', b.to, 'via', '192.0.2.3', 'proto', '84']]);
});

test('our routes go, others stay', { skip: skipWithoutRoot }, async () => {
  const name = `tiphys-routes-${process.pid}`;
  await runProgram('ip', ['netns', 'add', name]);
  try {
    const run = inNamespace(name);
    for (const line of ['link add v0 type veth peer name v1', 'link set v0 up', 'link set v1 up', 'address add 192.0.2.1/24 dev v0'])
      await run('ip', line.split(' '));
    await run('ip', ['route', 'add', '10.9.0.0/24', 'via', '192.0.2.7']);
    for (const change of routeChanges([], [{ to: '10.244.1.0/24', via: '192.0.2.2' }])) await run('ip', ['route', ...change]);
    const shown = () => run('ip', ['route', 'show']);
    assert.match(await shown(), /10\.244\.1\.0\/24 via 192\.0\.2\.2/);
    await removeRoutes(run);
    assert.doesNotMatch(await shown(), /10\.244\.1\.0/);
    assert.match(await shown(), /10\.9\.0\.0\/24/);
  } finally {
    await runProgram('ip', ['netns', 'delete', name]);
  }
});
