// Turns an answer into bytes on a connection.
import type { OutgoingHttpHeaders } from 'node:http';
import type { ApiRequest } from '@tiphys/machinery';
import type { HistogramSeries } from '../metrics/family.ts';
import { compressed, type Encoded, encodeBody } from '../output/encode.ts';
import { largeList, type Streamed } from '../output/large-list.ts';
import type { Output } from '../output/negotiate.ts';
import type { CountedResponse } from '../pipeline.ts';
import type { NegotiatedResponse } from '../serve.ts';
import type { Exchange } from './exchange.ts';
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

const EMPTY = new Uint8Array();

export async function respond(request: ApiRequest, answer: NegotiatedResponse & CountedResponse, exchange: Exchange): Promise<void> {
  if (exchange.isGone || exchange.hasBegun) return;
  const { status, body, output = PLAIN } = answer;
  const headers: OutgoingHttpHeaders = exchange.answer;
  Object.assign(headers, answer.headers);
  if (answer.warnings) {
    const warnings = warningHeaders(answer.warnings);
    if (warnings.length > 0) headers.warning = warnings as never;
  }
  headers['cache-control'] ??= 'no-cache, private';
  const acceptEncoding = request.method === 'GET' ? request.headers['accept-encoding'] : undefined;
  switch (body.kind) {
    case 'empty':
      return exchange.begin(status, EMPTY);
    case 'bytes':
      return send(status, await compressed({ bytes: body.bytes, headers: {} }, acceptEncoding), exchange, answer.sizes);
    case 'watch':
      return sendWatch(request, body.watch, output.encoding, exchange, answer.watched);
    case 'stream':
      exchange.begin(status);
      return sendStream(body.stream, exchange);
    default: {
      const large = largeList(body, output, acceptEncoding);
      if (large) return sendLarge(request, status, large, exchange, answer.sizes);
      const encoded = encodeBody(body, output, acceptEncoding);
      return send(status, encoded instanceof Promise ? await encoded : encoded, exchange, answer.sizes);
    }
  }
}

function sendLarge(
  request: ApiRequest,
  status: number,
  { blocks, length, headers }: Streamed,
  exchange: Exchange,
  sizes: HistogramSeries | undefined,
): Promise<void> | void {
  Object.assign(exchange.answer, headers);
  if (length !== undefined) exchange.answer['content-length'] = length;
  if (request.method === 'HEAD') return exchange.begin(status, EMPTY);
  exchange.begin(status);
  return sendStream(blocks, exchange, (bytes) => sizes?.observe(bytes));
}

function send(status: number, { bytes, headers }: Encoded, exchange: Exchange, sizes: HistogramSeries | undefined): void {
  sizes?.observe(bytes.length);
  if (exchange.isGone) return;
  Object.assign(exchange.answer, headers);
  exchange.answer['content-length'] = bytes.length;
  exchange.begin(status, bytes);
}
