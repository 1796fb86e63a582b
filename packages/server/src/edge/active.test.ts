import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from '@tiphys/runtime';
import { Active, CLOSE_GRACE_MS, WRITE_GRACE_MS } from './active.ts';

/** A port that closes while requests are under way, and when it had. */
function closing() {
  const clock = virtualClock();
  const active = new Active();
  const begun = () => {
    let end = () => {};
    const onClose = (done: () => void) => {
      end = done;
    };
    const one = active.add({ onClose });
    return { ...one, end: () => end() };
  };
  const finish = () => {
    const startMs = clock.monotonicMs();
    return active.finish(clock).then(() => clock.monotonicMs() - startMs);
  };
  return { clock, begun, finish };
}

test('nothing is waited for where nothing is under way', async () => {
  assert.equal(await closing().finish(), 0);
});

test('reads are cut after a moment; writes are waited for', async () => {
  const { clock, begun, finish } = closing();
  begun();
  const write = begun();
  write.write();
  const finished = finish();
  await clock.advance(CLOSE_GRACE_MS * 5);
  write.end();
  assert.equal(await finished, CLOSE_GRACE_MS * 5);
});

test('with reads alone it is over after that moment, or when they are', async () => {
  const { clock, begun, finish } = closing();
  begun();
  const finished = finish();
  await clock.advance(CLOSE_GRACE_MS * 5);
  assert.equal(await finished, CLOSE_GRACE_MS);
  const other = closing();
  const read = other.begun();
  const early = other.finish();
  read.end();
  assert.equal(await early, 0);
});

test('a write that never ends is cut at last, and what is endless at once', async () => {
  const { clock, begun, finish } = closing();
  begun().write();
  const cut: string[] = [];
  const stream = begun();
  stream.endless(() => cut.push('stream'));
  const finished = finish();
  assert.deepEqual(cut, ['stream']);
  begun().endless(() => cut.push('late'));
  assert.deepEqual(cut, ['stream', 'late']);
  await clock.advance(WRITE_GRACE_MS * 2);
  assert.equal(await finished, WRITE_GRACE_MS);
});
