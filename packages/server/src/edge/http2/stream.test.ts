// What a stream's writer hands over piece by piece leaves in order and whole, however little may be sent at a time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FRAME_HEADER_BYTES } from './frames.ts';
import { Stream } from './stream.ts';
import { WriteBuffer } from './write-buffer.ts';

const HEAD = { method: 'GET', path: '/', headers: {} };
const CARRIER = { ready: () => {}, credit: () => {}, reset: () => {} };

/** Content of the frames that leave in one turn. */
function contentOf(stream: Stream, window: number): Buffer {
  const frames = new WriteBuffer();
  stream.take(frames, { window, frameBytesMax: 16_384 });
  let written: Uint8Array = Buffer.alloc(0);
  frames.sendTo({
    write: (bytes, onTaken) => {
      written = Buffer.from(bytes);
      onTaken?.();
      return true;
    },
  });
  const content: Uint8Array[] = [];
  for (let at = 0; at < written.length; ) {
    const end = at + FRAME_HEADER_BYTES + Buffer.from(written).readUIntBE(at, 3);
    content.push(written.subarray(at + FRAME_HEADER_BYTES, end));
    at = end;
  }
  return Buffer.concat(content);
}

test('pieces leave in order, while more come and when no more come', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 400 })), { maxLength: 3000, size: 'max' }),
      (steps) => {
        const stream = new Stream(1, HEAD, 2 ** 30, CARRIER);
        const expected: Buffer[] = [];
        const sent: Buffer[] = [];
        for (const [index, [length, window]] of steps.entries()) {
          const piece = Buffer.alloc(length, index);
          expected.push(piece);
          stream.write(piece);
          if (window > 0) sent.push(contentOf(stream, window));
        }
        while (stream.waiting > 0) sent.push(contentOf(stream, 10_000));
        assert.equal(Buffer.compare(Buffer.concat(sent), Buffer.concat(expected)), 0);
      },
    ),
    { numRuns: 20 },
  );
});
