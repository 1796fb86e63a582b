// Long lists in JSON: from the stored bytes in blocks, as fast as they are read, so that a slow reader holds no copy of them; compressed
// once for everybody who asks the same before anything has changed (apiserver's streaming list encoding, KEP-5116).

import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { ApiBody } from '@tiphys/machinery';
import type { Endpoint } from '../resources.ts';
import { ListBody } from './bodies.ts';
import { type GzipTail, gzipOf, gzipTail } from './gzip-parts.ts';
import { contentType, type Output } from './negotiate.ts';

/** Shorter lists are put together at once. */
export const LARGE_LIST_BYTES_MIN = 256 * 1024;
const BLOCK_BYTES = 256 * 1024;
/** Up to here a list is compressed as a whole and kept; longer ones are compressed while they are sent. */
export const COMPRESSED_WHOLE_BYTES_MAX = 32 * 1024 * 1024;
/** Compressed lists that are kept, the youngest. */
export const COMPRESSED_LISTS_MAX = 8;
const GZIP_LEVEL = 1;

export interface Streamed {
  blocks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** In bytes, where it is known beforehand. */
  length?: number;
  headers: Record<string, string>;
}

const COMMA = Buffer.from(',');
const LIST_END = Buffer.from(']}\n');

export const listHead = ({ listKind, endpoint, metadata }: ListBody): Buffer =>
  Buffer.from(`{"kind":"${listKind}","apiVersion":"${endpoint.apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`);

function* tailPieces({ entries }: ListBody): Generator<Uint8Array> {
  for (let i = 0; i < entries.length; i++) {
    if (i > 0) yield COMMA;
    yield* entries[i]!.pieces();
  }
  yield LIST_END;
}

function tailLength({ entries }: ListBody): number {
  let length = LIST_END.length + Math.max(0, entries.length - 1);
  for (const entry of entries) length += entry.length;
  return length;
}

/** Small pieces joined; what is a block of its own is passed on as it is. */
function* inBlocks(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    const isLarge = piece.length >= BLOCK_BYTES;
    if (waiting.length > 0 && (isLarge || bytes + piece.length > BLOCK_BYTES)) {
      yield Buffer.concat(waiting, bytes);
      waiting = [];
      bytes = 0;
    }
    if (isLarge) yield piece;
    else {
      waiting.push(piece);
      bytes += piece.length;
    }
  }
  if (waiting.length > 0) yield Buffer.concat(waiting, bytes);
}

function* pieces(body: ListBody): Generator<Uint8Array> {
  yield listHead(body);
  yield* tailPieces(body);
}

interface Kept {
  endpoint: Endpoint;
  question: string;
  tail: Promise<GzipTail>;
}

/** The youngest last. */
const kept: Kept[] = [];

function compressedTail(body: ListBody, length: number): Promise<GzipTail> {
  const { endpoint, question } = body;
  const at = question === undefined ? -1 : kept.findIndex((each) => each.endpoint === endpoint && each.question === question);
  const known = at === -1 ? undefined : kept.splice(at, 1)[0];
  const tail = known?.tail ?? gzipTail(Buffer.concat([...tailPieces(body)], length), GZIP_LEVEL);
  if (question !== undefined) {
    kept.push({ endpoint, question, tail });
    if (kept.length > COMPRESSED_LISTS_MAX) kept.shift();
  }
  return tail;
}

async function* compressedWhole(body: ListBody, length: number): AsyncGenerator<Uint8Array> {
  yield* gzipOf(listHead(body), await compressedTail(body, length), GZIP_LEVEL);
}

function compressedOnTheWay(body: ListBody): AsyncIterable<Uint8Array> {
  const gzip = createGzip({ level: GZIP_LEVEL });
  // Who reads it learns of a failure; who stops reading ends both.
  return pipeline(Readable.from(inBlocks(pieces(body))), gzip, () => {});
}

/** A long list that can be sent from the stored bytes; undefined for everything else. */
export function largeList(body: ApiBody, { encoding, pretty }: Output, acceptEncoding: string | undefined): Streamed | undefined {
  if (encoding !== 'json' || pretty || !(body instanceof ListBody) || !body.endpoint.sendsAllStored) return undefined;
  const length = tailLength(body);
  if (length < LARGE_LIST_BYTES_MIN) return undefined;
  const headers = { 'content-type': contentType(encoding) };
  if (!/\bgzip\b/.test(acceptEncoding ?? '')) {
    return { blocks: inBlocks(pieces(body)), length: listHead(body).length + length, headers };
  }
  const blocks = length <= COMPRESSED_WHOLE_BYTES_MAX ? compressedWhole(body, length) : compressedOnTheWay(body);
  return { blocks, headers: { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' } };
}
