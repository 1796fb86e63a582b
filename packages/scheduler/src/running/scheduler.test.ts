// The scheduler against the real API server: what it writes, and what makes it try again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { testCluster } from '../testing/cluster.ts';
import { UNSCHEDULABLE_MS_MAX } from './queue.ts';

const asking = (cpu: string): Partial<corev1.PodSpec> => ({ containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }] });
const isBound = (pod: corev1.Pod) => pod.spec?.nodeName !== undefined && pod.spec.nodeName !== '';
const scheduled = (pod: corev1.Pod) => pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
const isRefused = (pod: corev1.Pod) => scheduled(pod)?.reason === 'Unschedulable';

test('a pod is bound to the node with room, and an event says so', async () => {
  await using cluster = await testCluster();
  await cluster.addNode('small', '1');
  await cluster.addNode('large', '4');
  await cluster.addPod('a', asking('2'));
  const pod = await cluster.until(corev1.pods, 'a', isBound);
  assert.equal(pod.spec?.nodeName, 'large');
  assert.equal(scheduled(pod)?.status, 'True');
  const event = await cluster.event('a', 'Scheduled');
  assert.equal(event.message, 'Successfully assigned default/a to large');
  assert.equal(event.type, 'Normal');
  assert.equal(event.reportingComponent, 'default-scheduler');
});

test('pods of another scheduler are left alone', async () => {
  await using cluster = await testCluster();
  await cluster.addNode('n', '4');
  await cluster.addPod('other', { schedulerName: 'mine' });
  await cluster.addPod('ours');
  await cluster.until(corev1.pods, 'ours', isBound);
  assert.equal((await cluster.client.of(corev1.pods).get('other', 'default')).spec?.nodeName, undefined);
});

test('without a fitting node the pod says why, and a new node gets it', async () => {
  await using cluster = await testCluster();
  await cluster.addPod('a', asking('2'));
  const lonely = await cluster.until(corev1.pods, 'a', isRefused);
  assert.equal(scheduled(lonely)?.message, 'no nodes available to schedule pods');
  await cluster.addNode('small', '1');
  await cluster.clock.advance(2000);
  const sentence =
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
  const refused = await cluster.until(corev1.pods, 'a', (pod) => scheduled(pod)?.message?.startsWith('0/1') === true);
  assert.equal(scheduled(refused)?.message, sentence);
  assert.equal(scheduled(refused)?.status, 'False');
  assert.equal((await cluster.event('a', 'FailedScheduling')).type, 'Warning');
  await cluster.addNode('large', '4');
  await cluster.clock.advance(10_000);
  assert.equal((await cluster.until(corev1.pods, 'a', isBound)).spec?.nodeName, 'large');
});

test('a gated pod waits until its gates are gone', async () => {
  await using cluster = await testCluster();
  await cluster.addNode('n', '4');
  await cluster.addPod('gated', { schedulingGates: [{ name: 'example.com/later' }] });
  await cluster.addPod('free');
  await cluster.until(corev1.pods, 'free', isBound);
  const waiting = await cluster.client.of(corev1.pods).get('gated', 'default');
  assert.equal(scheduled(waiting)?.reason, 'SchedulingGated');
  assert.equal(isBound(waiting), false);
  await cluster.client.of(corev1.pods).patch('gated', 'default', 'merge', { spec: { schedulingGates: [] } });
  await cluster.until(corev1.pods, 'gated', isBound);
});

test('a preemption that fails is tried again at once', async () => {
  let refused = 0;
  const refuses = ({ method, url }: { method: string; url: string }) => method === 'DELETE' && url.includes('/pods/low') && refused++ === 0;
  await using cluster = await testCluster(refuses);
  await cluster.addNode('n', '2');
  await cluster.addPod('low', { ...asking('2'), priority: 0 });
  await cluster.until(corev1.pods, 'low', isBound);
  await cluster.addPod('high', { ...asking('2'), priority: 1000 });
  // The clock stands still: no back-off ends.
  await cluster.until(corev1.pods, 'low', (pod) => pod.metadata?.deletionTimestamp !== undefined);
  assert.equal(refused, 2);
});

test('a pod of higher priority takes the place of one of lower', async () => {
  await using cluster = await testCluster();
  await cluster.addNode('n', '2');
  await cluster.addPod('low', { ...asking('2'), priority: 0 });
  await cluster.until(corev1.pods, 'low', isBound);
  await cluster.addPod('high', { ...asking('2'), priority: 1000 });
  const leaving = await cluster.until(corev1.pods, 'low', (pod) => pod.metadata?.deletionTimestamp !== undefined);
  const target = leaving.status?.conditions?.find((condition) => condition.type === 'DisruptionTarget');
  assert.equal(target?.reason, 'PreemptionByScheduler');
  assert.equal(target?.message, 'default-scheduler: preempting to accommodate a higher priority pod');
  const nominated = await cluster.until(corev1.pods, 'high', (pod) => Boolean(pod.status?.nominatedNodeName));
  assert.equal(nominated.status?.nominatedNodeName, 'n');
  assert.equal((await cluster.event('low', 'Preempted')).message, `Preempted by pod ${nominated.metadata?.uid} on node n`);
  assert.equal(isBound(nominated), false, 'the place is not free yet');
  // Tried again meanwhile, it waits for those that are leaving and keeps what it was promised.
  const allocatable = { cpu: '2500m', memory: '8Gi', pods: '110' };
  await cluster.client.of(corev1.nodes).patch('n', undefined, 'merge', { status: { allocatable } }, { subresource: 'status' });
  await cluster.clock.advance(10_000);
  const waits = (pod: corev1.Pod) =>
    scheduled(pod)?.message?.includes('not eligible due to a terminating pod on the nominated node.') ?? false;
  assert.equal((await cluster.until(corev1.pods, 'high', waits)).status?.nominatedNodeName, 'n');
  // The kubelet's part: the pod has ended.
  await cluster.client.of(corev1.pods).delete('low', 'default', { gracePeriodSeconds: 0 });
  await cluster.clock.advance(10_000);
  assert.equal((await cluster.until(corev1.pods, 'high', isBound)).spec?.nodeName, 'n');
});

test('what is deleted makes room', async () => {
  await using cluster = await testCluster();
  await cluster.addNode('n', '2');
  await cluster.addPod('first', asking('2'));
  await cluster.until(corev1.pods, 'first', isBound);
  await cluster.addPod('second', asking('1'));
  await cluster.until(corev1.pods, 'second', isRefused);
  await cluster.client.of(corev1.pods).delete('first', 'default', { gracePeriodSeconds: 0 });
  await cluster.clock.advance(10_000);
  await cluster.until(corev1.pods, 'second', isBound);
});

test('what people graph is counted under the names of upstream', async () => {
  await using cluster = await testCluster();
  await cluster.addNode('n', '1');
  await cluster.addPod('fits');
  await cluster.addPod('large', asking('2'));
  await cluster.addPod('gated', { schedulingGates: [{ name: 'later' }] });
  await cluster.until(corev1.pods, 'fits', isBound);
  await cluster.until(corev1.pods, 'large', isRefused);
  const lines: string[] = [];
  for (const family of cluster.metrics()) family.write(lines);
  for (const line of [
    'scheduler_schedule_attempts_total{result="scheduled",profile="default-scheduler"} 1',
    'scheduler_schedule_attempts_total{result="unschedulable",profile="default-scheduler"} 1',
    'scheduler_pending_pods{queue="unschedulable"} 1',
    'scheduler_pending_pods{queue="gated"} 1',
    'scheduler_pod_scheduling_attempts_count 1',
    'scheduler_cache_size{type="nodes"} 1',
  ])
    assert.ok(lines.includes(line), `${line} is not among\n${lines.join('\n')}`);
});

test('a pod that is refused again for the same reason is not written again', async () => {
  await using cluster = await testCluster();
  await cluster.addNode('small', '1');
  await cluster.addPod('a', asking('2'));
  const refused = await cluster.until(corev1.pods, 'a', isRefused);
  await cluster.clock.advance(2 * UNSCHEDULABLE_MS_MAX);
  const { metadata } = await cluster.client.of(corev1.pods).get('a', 'default');
  assert.equal(metadata?.resourceVersion, refused.metadata?.resourceVersion);
});
