// An HTTP/2 stream's answer in the shapes the client knows: a watch, a stream of bytes, or a body that is read whole.
import type { ClientHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import type { WatchEvent } from '@tiphys/api';
import type { ApiBody, ApiRequest, WatchSubscription } from '@tiphys/machinery';
import { Retryable } from '@tiphys/std';
import { connectionError } from './connection-error.ts';

/** A document larger than this is refused: it would not fit into one string. */
export const RESPONSE_BYTES_MAX = 500 * 1024 * 1024;
/** One event of a watch. */
export const WATCH_EVENT_BYTES_MAX = 64 * 1024 * 1024;

const NEWLINE = 0x0a;

export const isWatch = (url: string) => /[?&]watch=(?:true|1)(?:&|$)/.test(url);

/** Splits what arrives into lines and each line into an event; what came together is one batch. */
export function eventDecoder(): (chunk: Uint8Array) => WatchEvent[] {
  const decoder = new TextDecoder();
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  return (chunk) => {
    const events: WatchEvent[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      const line = rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
      rest = [];
      restBytes = 0;
      start = end + 1;
      if (line.length > 0) events.push(JSON.parse(decoder.decode(line)));
    }
    if (start < chunk.length) {
      const left = chunk.subarray(start);
      rest.push(left);
      restBytes += left.length;
      if (restBytes > WATCH_EVENT_BYTES_MAX) throw new Retryable(`a watch event is larger than ${WATCH_EVENT_BYTES_MAX} bytes`);
    }
    return events;
  };
}

/** Nothing is read before somebody subscribes, so nothing is lost. */
export function watchOf(stream: ClientHttp2Stream): WatchSubscription {
  return {
    subscribe: (onEvents, onEnd) => {
      const decode = eventDecoder();
      let ended = false;
      const end = () => {
        if (ended) return;
        ended = true;
        stream.close(constants.NGHTTP2_CANCEL);
        onEnd();
      };
      stream.on('error', end);
      stream.on('close', end);
      stream.on('end', end);
      stream.on('data', (chunk: Buffer) => {
        if (ended) return;
        try {
          const events = decode(chunk);
          if (events.length > 0) onEvents(events);
        } catch {
          // Not JSON, or too large: the reader goes on from the last revision it saw.
          end();
        }
      });
      return () => {
        ended = true;
        stream.close(constants.NGHTTP2_CANCEL);
      };
    },
  };
}

async function* chunksOf(stream: ClientHttp2Stream, address: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    if (!signal?.aborted) throw connectionError(error, address);
  } finally {
    stream.close(constants.NGHTTP2_CANCEL);
  }
}

async function whole(stream: ClientHttp2Stream, address: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > RESPONSE_BYTES_MAX) throw new Error(`the answer is larger than ${RESPONSE_BYTES_MAX} bytes`);
    }
  } catch (error) {
    throw connectionError(error, address);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes);
}

export async function bodyOf(
  request: ApiRequest,
  status: number,
  contentType: string,
  stream: ClientHttp2Stream,
  address: string,
): Promise<ApiBody> {
  if (request.method === 'HEAD' || status === 204) {
    stream.resume();
    return { kind: 'empty' };
  }
  const json = contentType.includes('json');
  if (status === 200 && json && isWatch(request.url)) return { kind: 'watch', watch: watchOf(stream) };
  if (status >= 400 || json || contentType.includes('protobuf')) return { kind: 'bytes', bytes: await whole(stream, address) };
  return { kind: 'stream', stream: chunksOf(stream, address, request.signal) };
}
