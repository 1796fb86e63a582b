// Bodies without an end of their own: watches and streams, with back-pressure.
import type { Http2ServerResponse } from 'node:http2';
import type { WatchEvent } from '@tiphys/api';
import type { ApiRequest, WatchSubscription } from '@tiphys/machinery';
import { EntryEvent } from '../cache/entry.ts';
import type { Edge } from './listen.ts';

/** Bytes that may wait for a slow watcher before its watch is ended; it goes on from the last revision it saw. */
export const WATCH_BUFFER_BYTES_MAX = 16 * 1024 * 1024;

const jsonLine = (event: WatchEvent): Buffer =>
  event instanceof EntryEvent ? event.encoded() : Buffer.from(`${JSON.stringify({ type: event.type, object: event.object })}\n`);

export async function sendWatch(_edge: Edge, request: ApiRequest, watch: WatchSubscription, response: Http2ServerResponse): Promise<void> {
  response.setHeader('content-type', 'application/json');
  response.writeHead(200);
  (response as { flushHeaders?(): void }).flushHeaders?.();
  await new Promise<void>((resolve) => {
    let stop = () => {};
    const finish = () => {
      stop();
      resolve();
    };
    response.on('close', finish);
    stop = watch.subscribe(
      (events) => {
        if (response.destroyed || response.writableEnded) return;
        const bytes = events.length === 1 ? jsonLine(events[0]!) : Buffer.concat(events.map(jsonLine));
        response.write(bytes);
        if (pending(response) > WATCH_BUFFER_BYTES_MAX) {
          response.destroy?.();
          finish();
        }
      },
      () => {
        response.end();
        finish();
      },
    );
    if (request.signal?.aborted) finish();
  });
}

const pending = (response: Http2ServerResponse): number => response.stream?.writableLength ?? response.writableLength ?? 0;

export async function sendStream(
  stream: AsyncIterable<Uint8Array>,
  response: Http2ServerResponse,
  signal: AbortSignal | undefined,
): Promise<void> {
  (response as { flushHeaders?(): void }).flushHeaders?.();
  for await (const chunk of stream) {
    if (signal?.aborted || response.destroyed) return;
    if (!response.write(chunk)) {
      await new Promise<void>((resolve) => {
        response.once('drain', resolve);
        response.once('close', resolve);
      });
    }
  }
  response.end();
}
