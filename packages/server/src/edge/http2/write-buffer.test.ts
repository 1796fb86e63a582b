// What is put together leaves as it is, whatever is done with the memory meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME, FrameReader, PREFACE } from './frames.ts';
import { type Sink, WriteBuffer } from './write-buffer.ts';

function sink(): Sink & { written: Uint8Array[]; take(): void } {
  const written: Uint8Array[] = [];
  const waiting: (() => void)[] = [];
  return {
    written,
    write: (bytes, onTaken) => {
      written.push(bytes);
      if (onTaken) waiting.push(onTaken);
      return waiting.length === 0;
    },
    take: () => {
      for (const taken of waiting.splice(0)) taken();
    },
  };
}

const filled = (byte: number, length: number): WriteBuffer => {
  const frames = new WriteBuffer();
  frames.add(Buffer.alloc(length, byte));
  return frames;
};

test('memory is used again once it is given back, and not before', () => {
  const to = sink();
  assert.equal(filled(1, 20_000).sendTo(to), false);
  filled(2, 20_000).sendTo(to);
  assert.deepEqual(
    to.written.map((bytes) => bytes.every((byte) => byte === bytes[0]) && bytes[0]),
    [1, 2],
  );
  const [first, second] = to.written.map(({ buffer }) => buffer);
  assert.notEqual(first, second);
  to.take();
  filled(3, 20_000).sendTo(to);
  assert.ok([first, second].includes(to.written[2]!.buffer));
});

test('little is sent in memory of its own', () => {
  const to = sink();
  assert.equal(filled(1, 100).sendTo(to), true);
  assert.equal(filled(2, 100).sendTo(to), true);
  assert.deepEqual(to.written, [Buffer.alloc(100, 1), Buffer.alloc(100, 2)]);
  assert.equal(new WriteBuffer().sendTo(to), true);
  assert.equal(to.written.length, 2);
});

test('headers say what they are given, and what is wider than the buffer fits all the same', () => {
  const frames = new WriteBuffer();
  frames.add(PREFACE);
  frames.header(FRAME.data, 1, 0x7fffffff, 5);
  frames.add(Buffer.from('--hello--'), 2, 5);
  const to = sink();
  const read = () => [...new FrameReader().read(Buffer.from(to.written.at(-1)!))];
  frames.sendTo(to);
  assert.deepEqual(read(), [{ type: FRAME.data, flags: 1, stream: 0x7fffffff, payload: Buffer.from('hello') }]);
  const wide = new WriteBuffer();
  wide.add(Buffer.alloc(100_000, 1));
  const { room } = wide;
  wide.add(Buffer.alloc(300_000, 2));
  assert.ok(room < 100_000);
  assert.equal(wide.room, 0);
  wide.sendTo(to);
  assert.equal(Buffer.compare(to.written.at(-1)!, Buffer.concat([Buffer.alloc(100_000, 1), Buffer.alloc(300_000, 2)])), 0);
});
