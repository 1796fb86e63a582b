// Bodies without an end of their own: watches and streams, with back-pressure.
import type { Http2ServerResponse } from 'node:http2';
import type { ApiRequest, WatchSubscription } from '@tiphys/machinery';
import type { WatchSeries } from '../metrics.ts';
import { batchEncoder, streamType } from '../output/encode.ts';
import type { Encoding } from '../output/negotiate.ts';

/** Bytes beyond the initial events that may wait for a slow watcher before its watch is ended; it goes on from the last revision it saw. */
export const WATCH_BUFFER_BYTES_MAX = 16 * 1024 * 1024;

export async function sendWatch(
  request: ApiRequest,
  watch: WatchSubscription,
  encoding: Encoding,
  response: Http2ServerResponse,
  counted?: WatchSeries,
): Promise<void> {
  const encode = batchEncoder(encoding);
  response.setHeader('content-type', streamType(encoding));
  response.writeHead(200);
  (response as { flushHeaders?(): void }).flushHeaders?.();
  await new Promise<void>((resolve) => {
    let stop = () => {};
    let limit = WATCH_BUFFER_BYTES_MAX;
    let initial = true;
    let open = true;
    const finish = () => {
      open = false;
      stop();
      resolve();
    };
    response.on('close', finish);
    stop = watch.subscribe(
      (events) => {
        if (!open) return;
        const { bytes, lengths } = encode(events);
        if (counted) {
          counted.events.value += lengths.length;
          for (const length of lengths) counted.sizes.observe(length);
        }
        response.write(bytes);
        if (initial) limit += bytes.length;
        if (pending(response) > limit) {
          response.destroy?.();
          finish();
        }
      },
      () => {
        response.end();
        finish();
      },
    );
    initial = false;
    if (request.signal?.aborted) finish();
  });
}

const pending = (response: Http2ServerResponse): number => response.stream?.writableLength ?? response.writableLength ?? 0;

/** Resolves when more can be written, or nobody reads any more. */
const drained = (response: Http2ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });

export async function sendStream(
  stream: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  response: Http2ServerResponse,
  signal: AbortSignal | undefined,
  onSent?: (bytes: number) => void,
): Promise<void> {
  (response as { flushHeaders?(): void }).flushHeaders?.();
  let bytes = 0;
  for await (const chunk of stream) {
    if (signal?.aborted || response.destroyed) return;
    bytes += chunk.length;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
  onSent?.(bytes);
}
