import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import type { Snapshot } from './framework/plugin.ts';
import { explain, feasibleNodesToFind, pick } from './pick.ts';
import { defaultPlugins } from './plugins/index.ts';
import { preempt } from './preempt.ts';
import { node, pod, snapshotOf } from './testing/snapshot.ts';
import { podInfo } from './world/infos.ts';

const plugins = defaultPlugins();

/** The node's name, or upstream's sentence why there is none. */
function outcome(p: corev1.Pod, snapshot: Snapshot): string {
  const result = pick(podInfo(p), snapshot, plugins, { start: 0, chance: 0 });
  return 'node' in result ? result.node.name : explain(result.diagnosis);
}

test('resources: the pod goes where room is, and to the emptier node', () => {
  const nodes = [node('small', { cpu: '1' }), node('large', { cpu: '8' })];
  assert.equal(outcome(pod('p', { cpu: '2' }), snapshotOf(nodes)), 'large');
  assert.equal(outcome(pod('p', { cpu: '500m' }), snapshotOf([node('a'), node('b')], [[pod('x', { cpu: '2' }), 'a']])), 'b');
  assert.equal(outcome(pod('p', { cpu: '9' }), snapshotOf(nodes)), '0/2 nodes are available: 2 Insufficient cpu.');
});

test('taints, unschedulable nodes and affinity are named, counted and sorted', () => {
  const nodes = [
    node('a', { taints: [{ key: 'k', effect: 'NoSchedule' }] }),
    node('b', { unschedulable: true }),
    node('c', { labels: { zone: 'x' } }),
  ];
  assert.equal(
    outcome(pod('p', { nodeSelector: { zone: 'y' } }), snapshotOf(nodes)),
    "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.",
  );
  assert.equal(outcome(pod('p', { nodeSelector: { zone: 'x' } }), snapshotOf(nodes)), 'c');
  assert.equal(outcome(pod('p', { tolerations: [{ key: 'k', operator: 'Exists' }] }), snapshotOf([nodes[0]!])), 'a');
});

test('host ports conflict by port, protocol and address', () => {
  const withPort = (name: string, port: Partial<corev1.ContainerPort>) => {
    const p = pod(name);
    p.spec!.containers[0]!.ports = [{ containerPort: 80, hostPort: 8080, ...port }];
    return p;
  };
  const taken = snapshotOf([node('a')], [[withPort('x', { hostIP: '127.0.0.1' }), 'a']]);
  assert.match(outcome(withPort('p', {}), taken), /didn't have free ports/);
  assert.equal(outcome(withPort('p', { hostIP: '127.0.0.2' }), taken), 'a');
  assert.equal(outcome(withPort('p', { protocol: 'UDP' }), taken), 'a');
});

test('required pod affinity and anti-affinity', () => {
  const nodes = [node('a', { labels: { zone: '1' } }), node('b', { labels: { zone: '2' } })];
  const term = (app: string) => [{ topologyKey: 'zone', labelSelector: { matchLabels: { app } } }];
  const near = (app: string) => ({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: term(app) } } });
  const far = (app: string) => ({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: term(app) } } });
  const web = pod('web', {}, { app: 'web' });
  assert.equal(outcome(pod('p', near('web')), snapshotOf(nodes, [[web, 'b']])), 'b');
  assert.equal(outcome(pod('p', far('web')), snapshotOf(nodes, [[web, 'a']])), 'b');
  assert.match(outcome(pod('p', near('none')), snapshotOf(nodes, [[web, 'b']])), /2 node\(s\) didn't match pod affinity rules/);
  assert.match(outcome(pod('p', near('self'), { app: 'self' }), snapshotOf(nodes)), /^[ab]$/, 'the first of its kind may be anywhere');
  const shy = pod('shy', far('web'), { app: 'shy' });
  assert.equal(outcome(web, snapshotOf(nodes, [[shy, 'a']])), 'b', 'the running pod refuses the new one');
});

test('topology spread keeps the skew', () => {
  const nodes = [node('a', { labels: { zone: '1' } }), node('b', { labels: { zone: '2' } })];
  const spread = {
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'w' } } },
    ],
  };
  const placed: [corev1.Pod, string][] = [[pod('w1', {}, { app: 'w' }), 'a']];
  assert.equal(outcome(pod('w2', spread, { app: 'w' }), snapshotOf(nodes, placed)), 'b');
});

test('large clusters score a share of the nodes', () => {
  assert.deepEqual(
    [50, 100, 1000, 5000, 20_000].map((nodes) => feasibleNodesToFind(nodes)),
    [50, 100, 420, 500, 1000],
  );
});

test('preemption removes as few and as unimportant pods as it can', () => {
  const running = (name: string, cpu: string, priority: number) => pod(name, { cpu, priority });
  const snapshot = snapshotOf(
    [node('a'), node('b')],
    [
      [running('a1', '2', 5), 'a'],
      [running('a2', '2', 1), 'a'],
      [running('b1', '2', 5), 'b'],
      [running('b2', '2', 6), 'b'],
    ],
  );
  const urgent = podInfo(pod('urgent', { cpu: '2', priority: 10 }));
  const result = pick(urgent, snapshot, plugins, { start: 0, chance: 0 });
  assert.ok('diagnosis' in result);
  const decided = preempt(urgent, result.diagnosis, snapshot, plugins);
  assert.ok('preemption' in decided);
  assert.deepEqual([decided.preemption.nodeName, ...decided.preemption.victims.map((v) => v.pod.metadata!.name)], ['a', 'a2']);

  const meek = podInfo(pod('meek', { cpu: '2', priority: 0 }));
  assert.deepEqual(preempt(meek, result.diagnosis, snapshot, plugins), {
    reason: '0/2 nodes are available: 2 No preemption victims found for incoming pod.',
    isFinal: true,
  });
});
