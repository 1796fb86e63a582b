// Turns an answer into bytes on a connection.
import type { Http2ServerResponse } from 'node:http2';
import type { ApiRequest, ApiResponse } from '@tiphys/machinery';
import { encodeBody } from '../output/encode.ts';
import type { Edge } from './listen.ts';
import { sendStream, sendWatch } from './streams.ts';

/** Warnings longer than this in sum are left out (apiserver endpoints/filters/warning.go). */
const WARNING_TEXT_MAX = 4 * 1024;

function warningHeaders(warnings: readonly string[] | undefined): string[] {
  let length = 0;
  const headers: string[] = [];
  for (const warning of warnings ?? []) {
    length += warning.length;
    if (length > WARNING_TEXT_MAX) break;
    const text = warning.replace(/\p{Cc}/gu, ' ').replace(/["\\]/g, '\\$&');
    headers.push(`299 - "${Buffer.from(text, 'utf8').toString('latin1')}"`);
  }
  return headers;
}

export async function respond(edge: Edge, request: ApiRequest, answer: ApiResponse, response: Http2ServerResponse): Promise<void> {
  if (response.destroyed || response.writableEnded) return;
  response.statusCode = answer.status;
  for (const name in answer.headers) response.setHeader(name, answer.headers[name]!);
  const warnings = warningHeaders(answer.warnings);
  if (warnings.length > 0) response.setHeader('warning', warnings);
  response.setHeader('cache-control', answer.headers['cache-control'] ?? 'no-cache, private');
  const { body } = answer;
  switch (body.kind) {
    case 'empty':
      response.end();
      return;
    case 'bytes':
      response.setHeader('content-length', body.bytes.length);
      response.end(request.method === 'HEAD' ? '' : body.bytes);
      return;
    case 'watch':
      return sendWatch(edge, request, body.watch, response);
    case 'stream':
      return sendStream(body.stream, response, request.signal);
    default: {
      const encoded = await encodeBody(edge, request, body);
      if (response.destroyed) return;
      for (const name in encoded.headers) response.setHeader(name, encoded.headers[name]!);
      if (encoded.status) response.statusCode = encoded.status;
      response.setHeader('content-length', encoded.bytes.length);
      response.end(request.method === 'HEAD' ? '' : encoded.bytes);
    }
  }
}
