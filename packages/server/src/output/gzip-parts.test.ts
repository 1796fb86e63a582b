import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { combinedCrc, gzipOf, gzipTail } from './gzip-parts.ts';

test('two parts compressed apart are one file', async () => {
  const part = fc.uint8Array({ maxLength: 5000 });
  await fc.assert(
    fc.asyncProperty(part, part, async (head, end) => {
      const tail = await gzipTail(end, 1);
      const whole = Buffer.concat([head, end]);
      assert.equal(combinedCrc(crc32(head), tail.crc, tail.length), crc32(whole));
      assert.deepEqual(gunzipSync(Buffer.concat(gzipOf(head, tail, 1))), whole);
    }),
  );
});

test('a tail goes behind any beginning, however long it is', async () => {
  const end = Buffer.from('an object of a list, '.repeat(100_000));
  const tail = await gzipTail(end, 1);
  for (const head of ['', 'revision 1: ', 'revision 22: ']) {
    assert.equal(gunzipSync(Buffer.concat(gzipOf(Buffer.from(head), tail, 1))).toString(), head + end);
  }
});
