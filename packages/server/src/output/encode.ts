// Objects and lists as bytes, in the form the caller accepts.
import type { ApiBody, ApiRequest } from '@tiphys/machinery';
import { EntryBody, ListBody } from './bodies.ts';

export interface Encoded {
  bytes: Uint8Array;
  headers: Record<string, string>;
  status?: number;
}

function listBytes(body: ListBody): Buffer {
  const { endpoint, entries, metadata } = body;
  const head = `{"kind":"${body.listKind}","apiVersion":"${endpoint.apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`;
  const pieces: Uint8Array[] = [Buffer.from(head)];
  const comma = Buffer.from(',');
  entries.forEach((entry, i) => {
    if (i > 0) pieces.push(comma);
    if (endpoint.sendsStored) pieces.push(...entry.pieces());
    else pieces.push(Buffer.from(JSON.stringify(endpoint.object(entry))));
  });
  pieces.push(Buffer.from(']}\n'));
  return Buffer.concat(pieces);
}

export async function encodeBody(_edge: unknown, _request: ApiRequest, body: Extract<ApiBody, { kind: 'object' }>): Promise<Encoded> {
  const headers = { 'content-type': 'application/json' };
  if (body instanceof ListBody) return { bytes: listBytes(body), headers };
  if (body instanceof EntryBody && body.endpoint.sendsStored)
    return { bytes: Buffer.concat([...body.entry.pieces(), Buffer.from('\n')]), headers };
  return { bytes: Buffer.from(`${JSON.stringify(body.object)}\n`), headers };
}
