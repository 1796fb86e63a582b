// Bodies without an end of their own: watches and streams, with back-pressure.
import type { ApiRequest, WatchSubscription } from '@tiphys/machinery';
import type { WatchSeries } from '../metrics.ts';
import { batchEncoder, streamType } from '../output/encode.ts';
import type { Encoding } from '../output/negotiate.ts';
import type { Exchange } from './exchange.ts';

/** Bytes beyond the initial events that may wait for a slow watcher before its watch is ended; it goes on from the last revision it saw. */
export const WATCH_BUFFER_BYTES_MAX = 16 * 1024 * 1024;

export async function sendWatch(
  request: ApiRequest,
  watch: WatchSubscription,
  encoding: Encoding,
  exchange: Exchange,
  counted?: WatchSeries,
): Promise<void> {
  const encode = batchEncoder(encoding);
  exchange.answer['content-type'] = streamType(encoding);
  exchange.begin(200);
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
    exchange.onClose(finish);
    stop = watch.subscribe(
      (events) => {
        if (!open) return;
        const { bytes, lengths } = encode(events);
        if (counted) {
          counted.events.value += lengths.length;
          for (const length of lengths) counted.sizes.observe(length);
        }
        exchange.write(bytes);
        if (initial) limit += bytes.length;
        if (exchange.waiting > limit) {
          exchange.destroy();
          finish();
        }
      },
      () => {
        exchange.end();
        finish();
      },
    );
    initial = false;
    if (request.signal?.aborted) finish();
  });
}

export async function sendStream(
  stream: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  exchange: Exchange,
  onSent?: (bytes: number) => void,
): Promise<void> {
  let bytes = 0;
  for await (const chunk of stream) {
    if (exchange.isGone) return;
    bytes += chunk.length;
    if (!exchange.write(chunk)) await exchange.drained();
  }
  exchange.end();
  onSent?.(bytes);
}
