// What the bodies of this benchmark are made of: pieces, as many as the bounds on bytes and values let pass, or more than that.
import { measureJson } from '@tiphys/api';
import type { HttpMethod } from '@tiphys/machinery';
import { VALUES_MAX } from '@tiphys/registry';

export const BYTES = 3 * 1024 * 1024;
export const JSON_TYPE = 'application/json';
export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
export const YAML_TYPE = 'application/yaml';
/** What the rest of a body takes, and a name. */
const REST_BYTES = 1000;
const REST_VALUES = 40;

export interface Body {
  name: string;
  method: HttpMethod;
  url: string;
  type: string;
  body: string | Uint8Array;
}

export interface Bounds {
  bytes?: number;
  values?: number;
}

/** Pieces between commas, just under the bounds. */
export function full(piece: (i: number) => string, { bytes = 1_500_000, values = VALUES_MAX }: Bounds = {}): string {
  // A key of a map with more than a hundred counts twice.
  const weight = piece(0).startsWith('"') && piece(0).includes('":') ? 2 : 1;
  const pieces: string[] = [];
  let [length, count] = [REST_BYTES, REST_VALUES];
  for (;;) {
    const next = piece(pieces.length);
    length += next.length + 1;
    count += measureJson(Buffer.from(next), BYTES).values + weight;
    if (length > bytes || count > values) return pieces.join(',');
    pieces.push(next);
  }
}

/** Bounded by bytes alone. */
export const endless = (piece: (i: number) => string): string => full(piece, { bytes: BYTES, values: BYTES });

export const namespaced = (path: string): string => path.replace(/([^/]+)$/, 'namespaces/default/$1');

/** Fields of an object in JSON, in front of which its kind and name come. */
export const object = (apiVersion: string, kind: string, fields: string, metadata = ''): string =>
  `{"apiVersion":"${apiVersion}","kind":"${kind}","metadata":{"name":"wide"${metadata && `,${metadata}`}},${fields}}`;

export const created = (name: string, url: string, body: string | Uint8Array, type = JSON_TYPE): Body => ({
  name,
  method: 'POST',
  url,
  type,
  body,
});
