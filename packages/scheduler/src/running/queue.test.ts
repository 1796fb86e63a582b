import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { SchedulingQueue, UNSCHEDULABLE_MS_MAX } from './queue.ts';

const pod = (name: string, priority = 0): corev1.Pod => ({
  metadata: { name, namespace: 'n', uid: name },
  spec: { priority, containers: [] },
});
const names = (queue: SchedulingQueue) => {
  const found: string[] = [];
  for (let next = queue.pop(0); next; next = queue.pop(0)) found.push(next.pod.metadata!.name!);
  return found;
};

test('higher priority first, then first come', () => {
  const queue = new SchedulingQueue();
  queue.put(pod('a'), 1);
  queue.put(pod('b', 5), 2);
  queue.put(pod('c'), 3);
  assert.deepEqual(names(queue), ['b', 'a', 'c']);
});

test('a refused pod waits for an event that may help', () => {
  const queue = new SchedulingQueue();
  queue.put(pod('a'), 0);
  queue.refused(queue.pop(0)!, [{ NodeAdded: true }], 0);
  assert.equal(queue.happened({ event: 'PodDeleted' }, 100), false);
  queue.flush(60_000);
  assert.deepEqual(names(queue), [], 'another event does not wake it');
  assert.equal(queue.happened({ event: 'NodeAdded' }, 60_000), true);
  assert.deepEqual(names(queue), ['a'], 'its back-off is over');
});

test('a hint decides for the pod and what happened', () => {
  const queue = new SchedulingQueue();
  for (const name of ['a', 'b']) queue.put(pod(name), 0);
  const hint = { PodDeleted: (waiting: corev1.Pod) => waiting.metadata!.name === 'b' };
  for (let next = queue.pop(0); next; next = queue.pop(0)) queue.refused(next, [hint], 0);
  queue.happened({ event: 'PodDeleted' }, 60_000);
  assert.deepEqual(names(queue), ['b']);
  assert.deepEqual(queue.sizes, { active: 0, backoff: 0, unschedulable: 1, gated: 0 });
});

test('with nothing else to do, a pod that an event helped is tried before its back-off ends; a failed one is not', () => {
  const queue = new SchedulingQueue();
  queue.put(pod('a'), 0);
  queue.refused(queue.pop(0)!, [{ NodeAdded: true }], 0);
  queue.happened({ event: 'NodeAdded' }, 1);
  queue.put(pod('new'), 2);
  assert.deepEqual(names(queue), ['new', 'a']);
  queue.put(pod('b'), 0);
  queue.failed(queue.pop(0)!, 0);
  assert.deepEqual(names(queue), []);
});

test('back-off doubles to its limit and a forgotten pod is tried again', () => {
  const queue = new SchedulingQueue();
  queue.put(pod('a'), 0);
  const waits = [1, 2, 3, 4, 5, 6].map(() => {
    const popped = queue.pop(0)!;
    queue.failed(popped, 0);
    const at = queue.nextFlushMs()!;
    queue.flush(at);
    return at;
  });
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 10_000, 10_000]);
  queue.refused(queue.pop(0)!, [], 0);
  queue.flush(UNSCHEDULABLE_MS_MAX);
  assert.deepEqual(names(queue), ['a']);
});

test('a changed pod is looked at again, one that went away is forgotten', () => {
  const queue = new SchedulingQueue();
  queue.put(pod('a'), 0);
  queue.put(pod('b'), 0);
  for (let next = queue.pop(0); next; next = queue.pop(0)) queue.refused(next, [{ NodeAdded: true }], 0);
  queue.put(pod('a', 7), 60_000);
  queue.remove('n/b');
  assert.equal(queue.happened({ event: 'NodeAdded' }, 60_000), false);
  assert.deepEqual(names(queue), ['a']);
  assert.equal(queue.size, 0);
});
