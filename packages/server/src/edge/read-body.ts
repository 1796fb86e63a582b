// A request's body, bounded (apiserver endpoints/handlers/rest.go limitedReadBody).
import type { Readable } from 'node:stream';
import { StatusError, statusError } from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';
import { ANSWER_TIMEOUT_MAX_MS } from './deadline.ts';
import { GatheredBytes } from './gathered-bytes.ts';

export const REQUEST_BYTES_MAX = 3 * 1024 * 1024;

/** Who takes a body. */
export interface BodySink {
  data(chunk: Uint8Array): void;
  end(): void;
  /** The connection was closed before the end. */
  cut(): void;
}

export interface Body {
  /** Begins to give what has come and what comes. */
  read(sink: BodySink): void;
  /** Nobody wants the rest. */
  ignore(): void;
}

interface Request {
  method: string;
  headers: Readonly<Record<string, string>>;
  body: Body;
}

export function bodyOf(readable: Readable): Body {
  return {
    read: ({ data, end, cut }) => {
      readable.on('data', data);
      readable.on('end', end);
      readable.on('error', cut);
      readable.on('close', cut);
    },
    ignore: () => {
      readable.removeAllListeners('data');
      readable.resume();
    },
  };
}

/** undefined when there is none. Throws RequestEntityTooLarge, or Timeout for a body that does not come. */
export async function readBody({ method, headers, body }: Request, clock: Clock): Promise<Uint8Array | undefined> {
  if (method === 'GET' || method === 'HEAD') return undefined;
  const declared = Number(headers['content-length'] ?? 0);
  if (declared > REQUEST_BYTES_MAX) throw statusError.requestEntityTooLarge(`limit is ${REQUEST_BYTES_MAX}`);
  const gathered = new GatheredBytes();
  let bytes = 0;
  let isWhole = false;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  body.read({
    data: (chunk) => {
      bytes += chunk.length;
      if (bytes <= REQUEST_BYTES_MAX) gathered.add(chunk);
      else {
        body.ignore();
        reject(statusError.requestEntityTooLarge(`limit is ${REQUEST_BYTES_MAX}`));
      }
    },
    end: () => {
      isWhole = true;
      resolve();
    },
    cut: () => reject(statusError.badRequest('the connection was closed before the body had arrived')),
  });
  // Most came along with their headers: nothing is waited for.
  if (isWhole) {
    await promise;
    return gathered.take();
  }
  const late = 'Timeout: request did not complete within requested timeout - context deadline exceeded';
  const timer = clock.after(ANSWER_TIMEOUT_MAX_MS, () => reject(new StatusError(504, 'Timeout', late, {})));
  try {
    await promise;
  } finally {
    timer.cancel();
  }
  return gathered.take();
}
