import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { virtualClock } from '@tiphys/runtime';
import { bodyOf, REQUEST_BYTES_MAX, readBody } from './read-body.ts';

function request(headers: Record<string, string> = {}) {
  const sent = new PassThrough();
  return { sent, body: { method: 'POST', headers, body: bodyOf(sent) } };
}

test('a body that does not come is not waited for longer than an answer would be', async () => {
  const clock = virtualClock();
  const slow = request();
  slow.sent.write('{');
  const refused = assert.rejects(readBody(slow.body, clock), { code: 504, reason: 'Timeout' });
  await clock.advance(60_000);
  await refused;
  assert.equal(clock.pending(), 0);
});

test('half a body, a large one and a whole one', async () => {
  const clock = virtualClock();
  const half = request();
  const broken = assert.rejects(readBody(half.body, clock), { code: 400 });
  half.sent.destroy();
  await broken;
  await assert.rejects(readBody(request({ 'content-length': String(REQUEST_BYTES_MAX + 1) }).body, clock), { code: 413 });
  const growing = request();
  const large = assert.rejects(readBody(growing.body, clock), { code: 413 });
  for (let i = 0; i < 4; i++) growing.sent.write(Buffer.alloc(1024 * 1024));
  await large;
  const whole = request();
  whole.sent.end('ab');
  assert.equal(Buffer.from((await readBody(whole.body, clock))!).toString(), 'ab');
  assert.equal(clock.pending(), 0);
});
