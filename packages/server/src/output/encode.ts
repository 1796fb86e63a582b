// Answers as bytes: JSON from the stored bytes where possible, YAML, protobuf; compressed when large and asked for.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { encodeProtobuf, encodeProtobufWatchEvent, type KubeObject, ProtobufNotSupported, type WatchEvent } from '@tiphys/api';
import type { ApiBody } from '@tiphys/machinery';
import { stringify } from 'yaml';
import { type Entry, EntryEvent } from '../cache/entry.ts';
import type { Endpoint } from '../resources.ts';
import { EntryBody, ListBody } from './bodies.ts';
import { listHead } from './large-list.ts';
import { contentType, type Encoding, type Output } from './negotiate.ts';

/** Smaller answers are not worth compressing (apiserver responsewriters/writers.go). */
export const GZIP_BYTES_MIN = 128 * 1024;
const GZIP_LEVEL = 1;

const gzipped = promisify(gzip);

export interface Encoded {
  bytes: Uint8Array;
  headers: Record<string, string>;
}

const COMMA = Buffer.from(',');
const NEW_LINE = Buffer.from('\n');
const LIST_END = Buffer.from(']}\n');

function listJson(body: ListBody): Buffer {
  const { endpoint, entries } = body;
  const pieces: Uint8Array[] = [listHead(body)];
  for (let i = 0; i < entries.length; i++) {
    if (i > 0) pieces.push(COMMA);
    if (endpoint.sendsStoredOf(entries[i]!)) pieces.push(...entries[i]!.pieces());
    else pieces.push(Buffer.from(JSON.stringify(endpoint.object(entries[i]!))));
  }
  pieces.push(LIST_END);
  return Buffer.concat(pieces);
}

const protobufs = new WeakMap<Entry, Uint8Array>();

function entryProtobuf(endpoint: Endpoint, entry: Entry): Uint8Array {
  let bytes = endpoint.sendsStored ? protobufs.get(entry) : undefined;
  if (!bytes) {
    bytes = encodeProtobuf(endpoint.object(entry));
    if (endpoint.sendsStored) protobufs.set(entry, bytes);
  }
  return bytes;
}

function objectBytes(body: Extract<ApiBody, { kind: 'object' }>, encoding: Encoding, pretty: boolean): Uint8Array {
  if (encoding === 'yaml') return Buffer.from(stringify(body.object, { aliasDuplicateObjects: false, version: '1.1', lineWidth: 0 }));
  if (encoding === 'protobuf') return body instanceof EntryBody ? entryProtobuf(body.endpoint, body.entry) : encodeProtobuf(body.object);
  if (pretty) return Buffer.from(`${JSON.stringify(body.object, undefined, 2)}\n`);
  if (body instanceof ListBody) return listJson(body);
  if (body instanceof EntryBody && body.endpoint.sendsStoredOf(body.entry)) return Buffer.concat([...body.entry.pieces(), NEW_LINE]);
  return Buffer.from(`${JSON.stringify(body.object)}\n`);
}

/** An object or list in the encoding the caller accepts; what has no protobuf form is sent as JSON. */
export function encodeBody(
  body: Extract<ApiBody, { kind: 'object' }>,
  output: Pick<Output, 'encoding' | 'pretty'>,
  acceptEncoding: string | undefined,
): Promise<Encoded> | Encoded {
  let { encoding } = output;
  let bytes: Uint8Array;
  try {
    bytes = objectBytes(body, encoding, output.pretty);
  } catch (error) {
    if (!(error instanceof ProtobufNotSupported)) throw error;
    encoding = 'json';
    bytes = objectBytes(body, encoding, output.pretty);
  }
  const encoded = { bytes, headers: { 'content-type': contentType(encoding) } };
  return bytes.length < GZIP_BYTES_MIN ? encoded : compressed(encoded, acceptEncoding);
}

export async function compressed(encoded: Encoded, acceptEncoding: string | undefined): Promise<Encoded> {
  if (encoded.bytes.length < GZIP_BYTES_MIN || !/\bgzip\b/.test(acceptEncoding ?? '')) return encoded;
  const bytes = await gzipped(encoded.bytes, { level: GZIP_LEVEL });
  return { bytes, headers: { ...encoded.headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' } };
}

/** How a watch sends its events. */
export function eventEncoder(encoding: Encoding): (event: WatchEvent) => Uint8Array {
  if (encoding === 'protobuf') return protobufEvent;
  return (event) =>
    event instanceof EntryEvent ? event.encoded() : Buffer.from(`${JSON.stringify({ type: event.type, object: event.object })}\n`);
}

export interface Batch {
  bytes: Uint8Array;
  /** Of each event. */
  lengths: readonly number[];
}

type Batches = WeakMap<readonly WatchEvent[], Batch>;
const batches: Record<Encoding, Batches> = { json: new WeakMap(), yaml: new WeakMap(), protobuf: new WeakMap() };

/** How a watch sends events that come together. Watches that are told the same batch share its bytes. */
export function batchEncoder(encoding: Encoding): (events: readonly WatchEvent[]) => Batch {
  const encode = eventEncoder(encoding);
  const known = batches[encoding];
  return (events) => {
    let batch = known.get(events);
    if (!batch) {
      const pieces = events.map(encode);
      batch = { bytes: pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), lengths: pieces.map(({ length }) => length) };
      known.set(events, batch);
    }
    return batch;
  };
}

function protobufEvent(event: WatchEvent): Uint8Array {
  if (!(event instanceof EntryEvent)) return encodeProtobufWatchEvent(event.type, encodeProtobuf(event.object as KubeObject));
  let bytes = protobufs.get(event.entry);
  if (!bytes) {
    bytes = encodeProtobuf(event.object);
    protobufs.set(event.entry, bytes);
  }
  return encodeProtobufWatchEvent(event.type, bytes);
}

export const streamType = (encoding: Encoding): string =>
  encoding === 'protobuf' ? `${contentType(encoding)};stream=watch` : contentType(encoding);
