// Our side of HTTP/2 against node's client, and against bytes that no client sends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, type ClientSessionOptions, connect, constants } from 'node:http2';
import { type AddressInfo, connect as connectSocket, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { seededRandom, virtualClock } from '@tiphys/runtime';
import fc from 'fast-check';
import { Connection, RESETS_MAX } from './connection.ts';
import { FAULT, FLAG, FRAME, frameHeader, numbersFrame, PREFACE, settingsFrame } from './frames.ts';
import { headerBlock } from './hpack.ts';
import type { Stream } from './stream.ts';

type Answer = (stream: Stream) => void;

let answer: Answer = () => {};
const connections = new Set<Connection>();
const server = createServer((socket) => {
  socket.on('error', () => {});
  const connection = new Connection(socket as unknown as TLSSocket, virtualClock(), (stream) => answer(stream));
  connections.add(connection);
  connection.onClose(() => connections.delete(connection));
});
let port: number;
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
after(() => server.close());

function client(t: { after(end: () => void): void }, settings: ClientSessionOptions['settings'] = {}): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`, { settings });
  session.on('error', () => {});
  t.after(() => session.destroy());
  return session;
}

async function bytesOf(stream: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Answers with what was sent. */
const echo: Answer = (stream) => {
  const chunks: Uint8Array[] = [];
  stream.read({
    data: (chunk) => void chunks.push(chunk),
    end: () => {
      stream.begin(
        headerBlock(
          200,
          Object.entries(stream.head.headers).filter(([name]) => name.startsWith('x-')),
        ),
        false,
      );
      for (const chunk of chunks) stream.write(chunk);
      stream.end();
    },
    cut: () => {},
  });
};

test('headers and bodies come and go as they are', async (t) => {
  answer = echo;
  const session = client(t, { initialWindowSize: 10_000 });
  const value = fc.string({
    unit: fc
      .integer({ min: 33, max: 255 })
      .filter((code) => code !== 127)
      .map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 300,
  });
  await fc.assert(
    fc.asyncProperty(value, fc.integer({ min: 0, max: 3_000_000 }), async (text, length) => {
      const body = Buffer.alloc(length, text, 'latin1');
      const stream = session.request({ ':method': 'POST', ':path': '/', 'x-text': Buffer.from(text, 'latin1').toString('latin1') });
      const headers = once(stream, 'response');
      stream.end(body);
      assert.ok((await bytesOf(stream)).equals(body));
      assert.equal(((await headers)[0] as Record<string, string>)['x-text'], text);
    }),
    { numRuns: 15 },
  );
});

test('a slow reader is waited for, others are not held up, and who leaves is forgotten', async (t) => {
  const written: number[] = [];
  const closed: string[] = [];
  answer = (stream) => {
    stream.onClose(() => closed.push(stream.head.path));
    stream.begin(headerBlock(200, []), stream.head.path === '/quick');
    if (stream.head.path === '/quick') return;
    void (async () => {
      for (let i = 0; i < 100 && !stream.isClosed; i++) {
        written.push(i);
        if (!stream.write(Buffer.alloc(50_000))) await stream.drained();
      }
    })();
  };
  const session = client(t, { initialWindowSize: 100_000 });
  const slow = session.request({ ':path': '/slow' });
  slow.on('error', () => {});
  await once(slow, 'response');
  for (let i = 0; i < 5; i++) {
    const quick = session.request({ ':path': '/quick' });
    quick.resume();
    await once(quick, 'close');
  }
  assert.ok(written.length < 20, `${written.length} pieces for nobody`);
  slow.close(constants.NGHTTP2_CANCEL);
  const last = session.request({ ':path': '/quick' });
  last.resume();
  await once(last, 'close');
  assert.deepEqual(
    closed.filter((path) => path === '/slow'),
    ['/slow'],
  );
});

test('a connection that closes answers what it has and takes no more', async (t) => {
  const begun: Stream[] = [];
  answer = (stream) => void begun.push(stream);
  const session = client(t);
  const first = session.request({ ':path': '/first' });
  const response = once(first, 'response');
  while (begun.length === 0) await new Promise(setImmediate);
  const farewell = once(session, 'goaway');
  for (const connection of connections) if (connection.open > 0) connection.close();
  await farewell;
  begun[0]!.begin(headerBlock(204, []), true);
  assert.equal((await response)[0][':status'], 204);
  await once(session, 'close');
});

const HEADERS = Buffer.from('828684', 'hex');
const headers = (stream: number, block = HEADERS, flags: number = FLAG.endHeaders | FLAG.endStream) =>
  Buffer.concat([frameHeader(FRAME.headers, flags, stream, block.length), block]);
const START = Buffer.concat([PREFACE, settingsFrame([])]);
const frame = (type: number, flags: number, stream: number, payload: Buffer | string) => {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload;
  return Buffer.concat([frameHeader(type, flags, stream, bytes.length), bytes]);
};

/** Sends bytes, and resolves with the code of the farewell, or undefined where the connection ended without. */
async function farewellOf(bytes: Buffer): Promise<number | undefined> {
  const socket = connectSocket(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.end(bytes);
  await once(socket, 'close');
  const all = Buffer.concat(chunks);
  for (let at = 0; at + 9 <= all.length; at += 9 + all.readUIntBE(at, 3))
    if (all[at + 3] === FRAME.goAway) return all.readUInt32BE(at + 13);
  return undefined;
}

const WRONG: readonly (readonly [string, number, ...Buffer[]])[] = [
  ['a frame that is too large', FAULT.frameSize, START, frameHeader(FRAME.data, 0, 1, 20_000)],
  ['data of no request', FAULT.protocol, START, frame(FRAME.data, 0, 1, '00')],
  ['a request of the server’s', FAULT.protocol, START, headers(2)],
  [
    'headers that are not followed by their rest',
    FAULT.protocol,
    START,
    headers(1, HEADERS, 0),
    frame(FRAME.ping, 0, 0, '0000000000000000'),
  ],
  ['the rest of no headers', FAULT.protocol, START, frame(FRAME.continuation, 4, 1, HEADERS)],
  ['headers that can’t be read', FAULT.compression, START, headers(1, Buffer.from('ff', 'hex'))],
  [
    'headers without end',
    FAULT.calm,
    START,
    headers(1, HEADERS, 0),
    ...Array.from({ length: 70 }, () => frame(FRAME.continuation, 0, 1, Buffer.alloc(16_000))),
  ],
  [
    'headers in frames without anything, without end',
    FAULT.calm,
    START,
    headers(1, HEADERS, 0),
    ...Array.from({ length: 1001 }, () => frame(FRAME.continuation, 0, 1, '')),
  ],
  ['more padding than frame', FAULT.protocol, START, headers(1, HEADERS, FLAG.endHeaders), frame(FRAME.data, FLAG.padded, 1, 'ff00')],
  ['a ping of another size', FAULT.frameSize, START, frame(FRAME.ping, 0, 0, '00')],
  ['no window', FAULT.flowControl, START, numbersFrame(FRAME.windowUpdate, 0, 0)],
  ['too large a window', FAULT.flowControl, START, settingsFrame([[4, 2 ** 31]])],
  ['a promise', FAULT.protocol, START, frame(FRAME.pushPromise, 4, 1, '0000000282')],
  [
    'rapid resets',
    FAULT.calm,
    START,
    ...Array.from({ length: RESETS_MAX + 1 }, (_, i) =>
      Buffer.concat([headers(2 * i + 1), numbersFrame(FRAME.reset, 2 * i + 1, FAULT.cancel)]),
    ),
  ],
  ['another protocol', FAULT.protocol, Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
];

test('whoever breaks the rules is told which and left', async (t) => {
  answer = () => {};
  for (const [name, code, ...parts] of WRONG) {
    await t.test(name, async () => assert.equal(await farewellOf(Buffer.concat(parts)), code));
  }
});

test('who asks without end and reads nothing is left', async () => {
  // Few enough for what the server may keep within one turn.
  const pings = Buffer.concat(Array.from({ length: 2000 }, () => frame(FRAME.ping, 0, 0, '0000000000000000')));
  const socket = connectSocket(port, '127.0.0.1');
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', resolve));
  socket.pause();
  socket.write(START);
  let sent = 0;
  for (; !socket.destroyed && sent < 200e6; sent += pings.length) {
    if (!socket.write(pings)) await Promise.race([new Promise<void>((resolve) => socket.once('drain', resolve)), closed]);
    await new Promise(setImmediate);
  }
  socket.destroy();
  assert.ok(sent < 200e6, 'its questions are kept for ever');
});

test('malformed requests are reset, and the connection goes on', async (t) => {
  const begun: string[] = [];
  answer = (stream) => {
    begun.push(stream.head.path);
    stream.begin(headerBlock(200, []), true);
  };
  const block = (...texts: string[]) =>
    Buffer.concat([
      HEADERS,
      ...texts.flatMap((text) => [Buffer.from([0]), ...text.split('=').flatMap((part) => [Buffer.from([part.length]), Buffer.from(part)])]),
    ]);
  const bad = [
    block('Upper=a'),
    block('connection=close'),
    block(':path=/two'),
    block('a=b', ':authority=c'),
    block('a=b\0'),
    Buffer.from('82', 'hex'),
  ];
  const socket = connectSocket(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write(Buffer.concat([START, ...bad.map((each, i) => headers(2 * i + 1, each)), headers(99)]));
  let came: Buffer = Buffer.alloc(0);
  const kinds: string[] = [];
  while (!kinds.includes(`${FRAME.headers} of 99`)) {
    came = Buffer.concat([came, (await once(socket, 'data'))[0] as Buffer]);
    for (; came.length >= 9 && came.length >= 9 + came.readUIntBE(0, 3); came = came.subarray(9 + came.readUIntBE(0, 3)))
      kinds.push(`${came[3]} of ${came.readUInt32BE(5)}`);
  }
  assert.deepEqual(
    kinds.filter((kind) => kind.startsWith(`${FRAME.reset} `)).sort(),
    bad.map((_, i) => `${FRAME.reset} of ${2 * i + 1}`).sort(),
  );
  assert.deepEqual(begun, ['/']);
});

test('no bytes make the server fail', async () => {
  answer = echo;
  const talk = Buffer.concat([
    START,
    headers(1, HEADERS, FLAG.endHeaders),
    frame(FRAME.data, 0, 1, '0102030405'),
    frame(FRAME.data, FLAG.endStream, 1, ''),
    headers(3),
    numbersFrame(FRAME.windowUpdate, 1, 1000),
    numbersFrame(FRAME.reset, 3, FAULT.cancel),
    headers(5, HEADERS, 0),
    frame(FRAME.continuation, FLAG.endHeaders, 5, '400161026263'),
    frame(FRAME.ping, 0, 0, '0000000000000000'),
  ]);
  const random = seededRandom(20_261_121);
  const below = (bound: number) => Math.floor(random.number() * bound);
  for (let i = 0; i < 150; i++) {
    const bytes = Buffer.from(talk);
    for (let changes = 1 + below(4); changes > 0; changes--) bytes[PREFACE.length + below(bytes.length - PREFACE.length)] = below(256);
    await farewellOf(bytes.subarray(0, PREFACE.length + below(bytes.length)));
  }
  while (connections.size > 0) await new Promise(setImmediate);
});
