import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from '@tiphys/runtime';
import { closeIdle, IDLE_TIMEOUT_MS, type Used } from './idle.ts';

test('a connection is closed when nothing was asked on it for a while, and not while an answer is awaited', async () => {
  const clock = virtualClock();
  const connections = new Set<Used>();
  const closed: string[] = [];
  const connect = (name: string) => {
    const connection = {
      open: 0,
      idleSinceMs: clock.monotonicMs(),
      close: () => {
        closed.push(name);
        connections.delete(connection);
      },
    };
    connections.add(connection);
    return connection;
  };
  const stop = closeIdle(connections, clock);
  connect('silent');
  const watching = connect('watching');
  watching.open = 1;
  const asking = connect('asking');
  await clock.advance(IDLE_TIMEOUT_MS - 1000);
  asking.idleSinceMs = clock.monotonicMs();
  assert.deepEqual(closed, []);
  await clock.advance(IDLE_TIMEOUT_MS / 2);
  assert.deepEqual(closed, ['silent']);
  await clock.advance(IDLE_TIMEOUT_MS);
  assert.deepEqual(closed, ['silent', 'asking']);
  Object.assign(watching, { open: 0, idleSinceMs: clock.monotonicMs() });
  await clock.advance(IDLE_TIMEOUT_MS * 2);
  assert.deepEqual(closed, ['silent', 'asking', 'watching']);
  stop();
});
