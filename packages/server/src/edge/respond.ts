// Turns an answer into bytes on a connection.
import type { Http2ServerResponse } from 'node:http2';
import type { ApiRequest } from '@tiphys/machinery';
import type { HistogramSeries } from '../metrics/family.ts';
import { compressed, type Encoded, encodeBody } from '../output/encode.ts';
import { largeList, type Streamed } from '../output/large-list.ts';
import type { Output } from '../output/negotiate.ts';
import type { CountedResponse } from '../pipeline.ts';
import type { NegotiatedResponse } from '../serve.ts';
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

const PLAIN: Output = { encoding: 'json', pretty: false };

export async function respond(
  request: ApiRequest,
  answer: NegotiatedResponse & CountedResponse,
  response: Http2ServerResponse,
): Promise<void> {
  if (response.destroyed || response.writableEnded) return;
  response.statusCode = answer.status;
  for (const name in answer.headers) response.setHeader(name, answer.headers[name]!);
  const warnings = warningHeaders(answer.warnings);
  if (warnings.length > 0) response.setHeader('warning', warnings);
  response.setHeader('cache-control', answer.headers['cache-control'] ?? 'no-cache, private');
  const { body, output = PLAIN } = answer;
  const acceptEncoding = request.method === 'GET' ? request.headers['accept-encoding'] : undefined;
  switch (body.kind) {
    case 'empty':
      response.end();
      return;
    case 'bytes':
      return send(request, await compressed({ bytes: body.bytes, headers: {} }, acceptEncoding), response, answer.sizes);
    case 'watch':
      return sendWatch(request, body.watch, output.encoding, response, answer.watched);
    case 'stream':
      return sendStream(body.stream, response, request.signal);
    default: {
      const large = largeList(body, output, acceptEncoding);
      if (large) return sendLarge(request, large, response, answer.sizes);
      return send(request, await encodeBody(body, output, acceptEncoding), response, answer.sizes);
    }
  }
}

function sendLarge(
  request: ApiRequest,
  { blocks, length, headers }: Streamed,
  response: Http2ServerResponse,
  sizes: HistogramSeries | undefined,
): Promise<void> | void {
  for (const name in headers) response.setHeader(name, headers[name]!);
  if (length !== undefined) response.setHeader('content-length', length);
  if (request.method === 'HEAD') {
    response.end('');
    return;
  }
  return sendStream(blocks, response, request.signal, (bytes) => sizes?.observe(bytes));
}

function send(request: ApiRequest, { bytes, headers }: Encoded, response: Http2ServerResponse, sizes: HistogramSeries | undefined): void {
  sizes?.observe(bytes.length);
  if (response.destroyed) return;
  for (const name in headers) response.setHeader(name, headers[name]!);
  response.setHeader('content-length', bytes.length);
  response.end(request.method === 'HEAD' ? '' : bytes);
}
