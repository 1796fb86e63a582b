import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { correlator, SIMILAR_EVENTS_MAX, SPAM_BURST_MAX, SPAM_REFILL_MS } from './correlator.ts';

let names = 0;
function event(message: string, reason = 'Pulled'): corev1.Event {
  return {
    metadata: { name: `web.${names++}`, namespace: 'default' },
    involvedObject: { kind: 'Pod', name: 'web', namespace: 'default', uid: 'u' },
    source: { component: 'kubelet' },
    type: 'Normal',
    count: 1,
    reason,
    message,
  };
}

test('the same event again counts on the first one', () => {
  const { correlate } = correlator();
  const first = correlate(event('image a'), 0);
  const second = correlate(event('image a'), 1000);
  assert.ok(first.write === 'create' && second.write === 'count');
  assert.equal(second.event.count, 2);
  assert.equal(second.event.metadata?.name, first.event.metadata?.name);
});

test('many similar events become one', () => {
  const { correlate } = correlator();
  const results = Array.from({ length: SIMILAR_EVENTS_MAX + 2 }, (_, i) => correlate(event(`image ${i}`), i));
  assert.deepEqual(
    results.map(({ write }) => write),
    [...Array(SIMILAR_EVENTS_MAX).fill('create'), 'count', 'count'],
  );
  const last = results.at(-1);
  assert.ok(last?.write === 'count');
  assert.equal(last.event.message, `(combined from similar events): image ${SIMILAR_EVENTS_MAX + 1}`);
});

test('a source that talks too much is cut off, and may speak again later', () => {
  const { correlate } = correlator();
  const writes = Array.from({ length: SPAM_BURST_MAX + 1 }, (_, i) => correlate(event('x', `Reason${i}`), 0).write);
  assert.equal(writes.filter((write) => write === 'create').length, SPAM_BURST_MAX);
  assert.equal(correlate(event('y'), SPAM_REFILL_MS / 2).write, 'nothing');
  assert.equal(correlate(event('z'), SPAM_REFILL_MS * 1.01).write, 'create');
});
