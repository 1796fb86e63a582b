import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Http2SecureServer } from 'node:http2';
import { test } from 'node:test';
import { virtualClock } from '@tiphys/runtime';
import { closeIdle, IDLE_TIMEOUT_MS } from './idle.ts';

test('a connection is closed when nothing was asked on it for a while, and not while an answer is awaited', async () => {
  const clock = virtualClock();
  const server = new EventEmitter();
  const stop = closeIdle(server as unknown as Pick<Http2SecureServer, 'on'>, clock);
  const closed: string[] = [];
  const connect = (name: string) => {
    const session: EventEmitter = Object.assign(new EventEmitter(), {
      close: () => {
        closed.push(name);
        session.emit('close');
      },
    });
    server.emit('session', session);
    const stream = new EventEmitter();
    const ask = () => {
      session.emit('stream', stream);
      return stream;
    };
    return { ask };
  };
  connect('silent');
  const watching = connect('watching').ask();
  const asking = connect('asking');
  await clock.advance(IDLE_TIMEOUT_MS - 1000);
  asking.ask().emit('close');
  assert.deepEqual(closed, []);
  await clock.advance(IDLE_TIMEOUT_MS / 2);
  assert.deepEqual(closed, ['silent']);
  await clock.advance(IDLE_TIMEOUT_MS);
  assert.deepEqual(closed, ['silent', 'asking']);
  watching.emit('close');
  await clock.advance(IDLE_TIMEOUT_MS * 2);
  assert.deepEqual(closed, ['silent', 'asking', 'watching']);
  stop();
});
