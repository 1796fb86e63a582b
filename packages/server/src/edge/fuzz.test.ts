// A fuzzing target for each reader of what comes from outside: a fixed number of seeded inputs, mutated from the corpus in
// testdata/fuzz-corpus.json. Whatever comes, the reader answers or says in its own way that it can't: no other failure, no changed
// prototype. An input that broke a reader joins its corpus. FUZZ_INPUTS and FUZZ_SEED make longer searches.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import {
  DecodeError,
  decode,
  decodeConfiguration,
  decodeProtobuf,
  encodeProtobuf,
  type KubeObject,
  Quantity,
  QuantityError,
} from '@tiphys/api';
import {
  applyJsonPatch,
  applyMergePatch,
  cel,
  parseFieldSelector,
  parseLabelSelector,
  StatusError,
  serverSideApply,
} from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { type Random, SpdyClient, seededRandom } from '@tiphys/runtime';
import * as ws from 'ws';
import type { PlainObject } from '../cache/entry.ts';
import { builtInCodec } from '../codec.ts';
import { decodeContinue } from '../verbs/continue-token.ts';

const INPUTS = Number(process.env.FUZZ_INPUTS ?? 400);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const INPUT_BYTES_MAX = 4096;

const corpus: Record<string, string[]> = JSON.parse(readFileSync(new URL('./testdata/fuzz-corpus.json', import.meta.url), 'utf8'));
const POD = JSON.parse(corpus.json![0]!) as KubeObject;
const codec = builtInCodec(builtinDefinitions().find(({ type }) => type.resource === 'pods')!);
const environment = cel.createEnvironment({ variables: { self: cel.DYN } });

/** Frames of a server: a reply, data with its end, a ping, a reset. */
const SPDY = Buffer.from(
  '800300020000000400000001' + '000000010100000568656c6c6f' + '800300060000000400000002' + '80030003000000080000000100000001',
  'hex',
);

/** Pieces that mean something to some reader. */
const TOKENS = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '\n',
  '\0',
  '-',
  '&a ',
  '*a ',
  '!!',
  '? ',
  '|',
  '$',
  '/',
  '~',
  '.',
  '(',
  ')',
  '9'.repeat(30),
  '\ufffd',
  '__proto__',
  'null',
  '\x80',
  '\xff\xff\xff\xff',
  '\x00\x00\x00\x00',
];

/** A few changes of bytes, runs and pieces. */
function mutated(source: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(source);
  const below = (bound: number) => Math.floor(random.number() * Math.max(1, bound));
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length);
    const end = Math.min(bytes.length, at + 1 + below(16));
    const [before, run, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
    const token = Buffer.from(TOKENS[below(TOKENS.length)]!, 'latin1');
    const choices = [
      () => Buffer.concat([before, Buffer.from([below(256)]), bytes.subarray(at + 1)]),
      () => Buffer.concat([before, after]),
      () => Buffer.concat([before, run, run, run, after]),
      () => Buffer.concat([before, token, run, after]),
      () => Buffer.concat([before, Buffer.from(token.toString('latin1').repeat(1 + below(40)), 'latin1'), after]),
      () => bytes.subarray(0, at),
      () => Buffer.concat([after, before]),
    ];
    bytes = choices[below(choices.length)]!();
  }
  return bytes.subarray(0, INPUT_BYTES_MAX);
}

interface Target {
  /** The ways in which it may say no. */
  refusals: readonly (abstract new (
    ...args: any[]
  ) => object)[];
  read(bytes: Buffer): void | Promise<void>;
  corpus?: readonly Buffer[];
}

const patched = (change: (object: PlainObject, patch: any) => object) => (bytes: Buffer) => {
  const changed = change(structuredClone(POD) as PlainObject, JSON.parse(bytes.toString()));
  codec.applyDefaults(codec.normalize(changed, { strict: true }).object);
};

/** What reads the frames of a connection; its types are not published. */
const { Receiver } = ws as unknown as { Receiver: new (options: object) => NodeJS.WritableStream };

function duplex(): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
}

const TARGETS: Record<string, Target> = {
  json: {
    refusals: [DecodeError],
    read: (bytes) => {
      const { object } = decode(bytes, { schema: 'io.k8s.api.core.v1.Pod', strict: true });
      // What was read is written and read again as the same.
      const again = decode(JSON.stringify(object), { schema: 'io.k8s.api.core.v1.Pod' }).object;
      assert.deepEqual(JSON.parse(JSON.stringify(again)), JSON.parse(JSON.stringify(object)));
    },
  },
  yaml: { refusals: [DecodeError], read: (bytes) => void decode(bytes, { mediaType: 'application/yaml', strict: true }) },
  protobuf: {
    refusals: [DecodeError],
    read: (bytes) => void decodeProtobuf(bytes),
    corpus: [Buffer.from(encodeProtobuf(POD))],
  },
  'json-patch': { refusals: [StatusError, DecodeError, SyntaxError], read: patched(applyJsonPatch) },
  'merge-patch': {
    refusals: [StatusError, DecodeError, SyntaxError],
    read: patched((object, patch) => applyMergePatch(object, patch) as object),
  },
  'strategic-patch': {
    refusals: [StatusError, DecodeError, SyntaxError],
    read: patched((object, patch) =>
      typeof patch === 'object' && patch !== null && !Array.isArray(patch) ? codec.strategicMerge!(object, patch) : object,
    ),
  },
  apply: {
    refusals: [StatusError, DecodeError],
    read: (bytes) => {
      const { value } = decodeConfiguration(bytes);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
      serverSideApply(POD as PlainObject, value as PlainObject, { manager: 'm', apiVersion: 'v1', nowMs: 0 } as never, codec.tracked, true);
    },
  },
  'label-selector': { refusals: [StatusError], read: (bytes) => void parseLabelSelector(bytes.toString()).matches({ a: 'b' }) },
  'field-selector': {
    refusals: [StatusError],
    read: (bytes) => void parseFieldSelector(bytes.toString()).matches({ 'metadata.name': 'a' }),
  },
  'continue-token': { refusals: [StatusError], read: (bytes) => void decodeContinue(bytes.toString('latin1')) },
  cel: {
    refusals: [cel.CompilationError, cel.EvaluationFailure],
    read: (bytes) => void environment.compile(bytes.toString()).evaluate({ self: cel.fromJson(POD) }),
  },
  quantity: {
    refusals: [QuantityError],
    read: (bytes) => {
      const text = Quantity.parse(bytes.toString()).toString();
      assert.equal(Quantity.parse(text).toString(), text);
    },
  },
  spdy: {
    refusals: [],
    corpus: [SPDY],
    read: (bytes) => {
      const socket = duplex();
      const client = new SpdyClient(socket);
      client.open({ a: 'b' }, {});
      for (let i = 0; i < bytes.length; i += 7) socket.emit('data', bytes.subarray(i, i + 7));
      client.destroy();
    },
  },
  websocket: {
    refusals: [],
    corpus: corpus.websocket!.map((text) => Buffer.from(text, 'base64')),
    read: async (bytes) => {
      const receiver = new Receiver({ isServer: true, maxPayload: 1 << 16 });
      const problems: Error[] = [];
      receiver.on('error', (error: Error) => problems.push(error));
      await new Promise<void>((resolve) => receiver.write(bytes, () => resolve()));
      for (const problem of problems) assert.match(String((problem as NodeJS.ErrnoException).code), /^WS_ERR_/);
    },
  },
};

for (const [name, { refusals, read, corpus: made }] of Object.entries(TARGETS)) {
  test(`${name}: ${INPUTS} inputs from seed ${SEED}`, async () => {
    const sources = made ?? corpus[name]!.map((text) => Buffer.from(text));
    const random = seededRandom(SEED);
    for (let i = 0; i < INPUTS + sources.length; i++) {
      const source = sources[i % sources.length]!;
      const input = i < sources.length ? source : mutated(source, random);
      try {
        await read(input);
      } catch (error) {
        const isRefusal = refusals.some((refusal) => error instanceof refusal);
        assert.ok(isRefusal, `input ${JSON.stringify(input.toString('latin1'))}: ${(error as Error).stack}`);
      }
      assert.equal(({} as Record<string, unknown>).polluted, undefined, input.toString('latin1'));
    }
  });
}
