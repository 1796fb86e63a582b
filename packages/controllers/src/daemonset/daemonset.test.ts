// DaemonSets on the real server: one pod per node that fits, updates within limits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, corev1 } from '@tiphys/api';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { template } from '../testing/objects.ts';
import { daemonSetController } from './daemonset-controller.ts';
import { targetNode } from './pods.ts';

function agent(extra: Partial<appsv1.DaemonSetSpec> = {}): appsv1.DaemonSet {
  return {
    metadata: { name: 'agent', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, template: template('agent:1'), ...extra },
  };
}

async function addNodes(cluster: TestCluster, ...names: string[]): Promise<void> {
  for (const name of names) await cluster.client.of(corev1.nodes).create({ metadata: { name, labels: { disk: 'fast' } } });
}

const settled = (nodes: number) => (set: appsv1.DaemonSet) =>
  set.status?.observedGeneration === set.metadata?.generation &&
  set.status?.numberReady === nodes &&
  set.status?.updatedNumberScheduled === nodes &&
  set.status?.desiredNumberScheduled === nodes;

const placed = (pods: readonly corev1.Pod[]) => pods.map(targetNode).sort();

test('follows nodes that come, and leaves those that do not fit any more', async () => {
  await using cluster = await startTestCluster([daemonSetController]);
  await addNodes(cluster, 'a', 'b');
  await cluster.client.of(appsv1.daemonsets).create(agent());
  await cluster.until(appsv1.daemonsets, 'agent', settled(2));
  await addNodes(cluster, 'c');
  await cluster.until(appsv1.daemonsets, 'agent', settled(3));
  assert.deepEqual(placed(await cluster.untilAll(corev1.pods, (pods) => pods.length === 3)), ['a', 'b', 'c']);
  const taint = { key: 'dedicated', value: 'db', effect: 'NoExecute' };
  await cluster.client.of(corev1.nodes).patch('a', undefined, 'merge', { spec: { taints: [taint] } });
  await cluster.until(appsv1.daemonsets, 'agent', settled(2));
  assert.deepEqual(placed(await cluster.untilAll(corev1.pods, (pods) => pods.length === 2)), ['b', 'c']);
});

test('replaces pods when the template changes, and keeps the old revision', async () => {
  await using cluster = await startTestCluster([daemonSetController]);
  await addNodes(cluster, 'a', 'b', 'c');
  const sets = cluster.client.of(appsv1.daemonsets);
  await sets.create(agent());
  await cluster.until(appsv1.daemonsets, 'agent', settled(3));
  await sets.patch('agent', 'default', 'json', [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'agent:2' }]);
  await cluster.until(appsv1.daemonsets, 'agent', (set) => set.metadata?.generation === 2 && settled(3)(set));
  const revisions = await cluster.client.of(appsv1.controllerrevisions).list({ namespace: 'default' });
  assert.deepEqual(revisions.items.map(({ revision }) => revision).sort(), [1, 2]);
  const pods = await cluster.untilAll(corev1.pods, (all) => all.length === 3);
  assert.ok(pods.every((pod) => pod.spec?.containers[0]?.image === 'agent:2'));
});

test('leaves a revision that somebody else made until the set is planned again', async () => {
  await using cluster = await startTestCluster([daemonSetController]);
  await addNodes(cluster, 'a');
  const sets = cluster.client.of(appsv1.daemonsets);
  const revisions = cluster.client.of(appsv1.controllerrevisions);
  // Sets are planned in order: when a later one is done, nothing is left to do for an earlier one.
  const settle = async (name: string) => {
    const labels = { app: name };
    await sets.create({
      metadata: { name, namespace: 'default' },
      spec: { selector: { matchLabels: labels }, template: template(name, labels) },
    });
    await cluster.until(appsv1.daemonsets, name, settled(1));
  };
  await sets.create(agent());
  await settle('second');
  const mine = (all: readonly appsv1.ControllerRevision[]) => all.filter((one) => one.metadata?.labels?.app === 'web');
  const [first] = mine(await cluster.untilAll(appsv1.controllerrevisions, (all) => mine(all).length === 1));
  const { labels, ownerReferences } = first!.metadata!;
  await revisions.create({
    ...first!,
    metadata: { name: 'copy', namespace: 'default', labels: labels!, ownerReferences: ownerReferences! },
    revision: 2,
  });
  await settle('third');
  assert.deepEqual(
    mine((await revisions.list({ namespace: 'default' })).items)
      .map(({ revision }) => revision)
      .sort(),
    [1, 2],
  );
  await sets.patch('agent', 'default', 'merge', { metadata: { labels: { look: 'again' } } });
  await cluster.untilAll(appsv1.controllerrevisions, (all) => mine(all).length === 1);
});
