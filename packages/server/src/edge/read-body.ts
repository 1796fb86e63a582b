// A request's body, bounded (apiserver endpoints/handlers/rest.go limitedReadBody).
import type { Readable } from 'node:stream';
import { statusError } from '@tiphys/machinery';

export const REQUEST_BYTES_MAX = 3 * 1024 * 1024;

/** undefined when there is none. Throws RequestEntityTooLarge. */
export async function readBody(request: Readable & { method?: string; headers: Record<string, unknown> }): Promise<Uint8Array | undefined> {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined;
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > REQUEST_BYTES_MAX) throw statusError.requestEntityTooLarge(`limit is ${REQUEST_BYTES_MAX}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > REQUEST_BYTES_MAX) {
        request.removeAllListeners('data');
        request.resume();
        reject(statusError.requestEntityTooLarge(`limit is ${REQUEST_BYTES_MAX}`));
      } else chunks.push(chunk);
    });
    request.on('end', resolve);
    request.on('error', reject);
    request.on('close', () => reject(statusError.badRequest('the connection was closed before the body had arrived')));
  });
  if (bytes === 0) return undefined;
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}
