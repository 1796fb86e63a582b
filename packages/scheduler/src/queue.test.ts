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
  for (let next = queue.pop(); next; next = queue.pop()) found.push(next.pod.metadata!.name!);
  return found;
};

test('higher priority first, then first come', () => {
  const queue = new SchedulingQueue();
  queue.put(pod('a'), 1);
  queue.put(pod('b', 5), 2);
  queue.put(pod('c'), 3);
  assert.deepEqual(names(queue), ['b', 'a', 'c']);
});

test('a refused pod waits for an event that may help, then for its back-off', () => {
  const queue = new SchedulingQueue();
  queue.put(pod('a'), 0);
  queue.refused(queue.pop()!, new Set(['NodeAdded']), 0);
  queue.happened('PodDeleted', 100);
  queue.flush(60_000);
  assert.deepEqual(names(queue), [], 'another event does not wake it');
  queue.happened('NodeAdded', 60_000);
  assert.deepEqual(names(queue), ['a'], 'its back-off is over');
});

test('an event during the attempt is not lost', () => {
  const queue = new SchedulingQueue();
  queue.put(pod('a'), 0);
  const popped = queue.pop()!;
  queue.happened('NodeAdded', 0);
  queue.refused(popped, new Set(['NodeAdded']), 0);
  assert.equal(queue.nextFlushMs(), 1000);
  queue.flush(1000);
  assert.deepEqual(names(queue), ['a']);
});

test('back-off doubles to its limit and a forgotten pod is tried again', () => {
  const queue = new SchedulingQueue();
  queue.put(pod('a'), 0);
  const waits = [1, 2, 3, 4, 5, 6].map(() => {
    const popped = queue.pop()!;
    queue.failed(popped, 0);
    const at = queue.nextFlushMs()!;
    queue.flush(at);
    return at;
  });
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 10_000, 10_000]);
  queue.refused(queue.pop()!, new Set(), 0);
  queue.flush(UNSCHEDULABLE_MS_MAX);
  assert.deepEqual(names(queue), ['a']);
});

test('a pod that went away during its attempt does not come back', () => {
  const queue = new SchedulingQueue();
  queue.put(pod('a'), 0);
  const popped = queue.pop()!;
  queue.remove('n/a');
  queue.refused(popped, new Set(), 0);
  assert.equal(queue.size, 0);
});
