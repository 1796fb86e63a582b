// A look at a body before anything reads it, so that nobody can make the readers recurse or take long. One pass over its bytes.
import { countValues, measureJson, TooManyValues } from '@tiphys/api';
import { type ApiRequest, statusError } from '@tiphys/machinery';
import { VALUES_MAX } from '@tiphys/registry';
import type { PlainObject } from '../cache/entry.ts';
import { mediaType } from './body.ts';

const JSON_PATCH = 'application/json-patch+json';

/** As deep as Go's reader goes. */
export const JSON_NESTING_MAX = 10_000;
/** Programs send JSON, also where they call it YAML. What YAML is made of is counted by who reads it. */
export const YAML_BYTES_MAX = 512 * 1024;

/** An operation of a JSON patch has four values and may hold more; that there are no more than 10,000 is for the patch to say. */
export const JSON_PATCH_VALUES_MAX = 50_000;

const [OPEN_LIST, OPEN_MAP] = [0x5b, 0x7b];

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

function firstByte(body: Uint8Array): number | undefined {
  const text = BYTE_ORDER_MARK.every((byte, i) => body[i] === byte) ? body.subarray(BYTE_ORDER_MARK.length) : body;
  return text.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
}

function judgeJson(json: Uint8Array, valuesMax: number): void {
  const { values, isDeep } = measureJson(json, JSON_NESTING_MAX);
  if (isDeep) throw statusError.badRequest('exceeded max depth');
  if (values > valuesMax) throw new TooManyValues(valuesMax);
}

/** Throws TooManyValues, BadRequest or RequestEntityTooLarge. Small bodies can do no harm and are not looked at. */
export function guardBody({ body, headers }: ApiRequest, valuesMax = VALUES_MAX): void {
  if (!(body instanceof Uint8Array) || body.length <= JSON_NESTING_MAX) return;
  const first = firstByte(body);
  const type = mediaType(headers['content-type']);
  if (first === OPEN_MAP) judgeJson(body, valuesMax);
  else if (first === OPEN_LIST) judgeJson(body, type === JSON_PATCH ? Math.max(valuesMax, JSON_PATCH_VALUES_MAX) : valuesMax);
  else if (body.length > YAML_BYTES_MAX && type.endsWith('yaml')) {
    throw statusError.requestEntityTooLarge(`limit is ${YAML_BYTES_MAX}`);
  }
}

interface Patched {
  /** What the patch made, and of what. */
  object: PlainObject;
  old: PlainObject;
  /** Bytes that the old object is stored in. */
  bytes: number;
}

const unmanaged = ({ metadata, ...rest }: PlainObject) => ({ ...rest, metadata: { ...metadata, managedFields: undefined } });

/**
 * Throws TooManyValues where a patch has made an object larger than one that may be sent. One that is, as its store was another
 * server's, may stay so or become smaller. Who manages its fields does not count: nobody has sent that.
 */
export function guardPatched({ body, headers }: ApiRequest, { object, old, bytes }: Patched, valuesMax = VALUES_MAX): void {
  if (!(body instanceof Uint8Array)) return;
  // A value takes a byte at least, and only copies make more of them than are sent.
  if (bytes + body.length <= valuesMax && mediaType(headers['content-type']) !== JSON_PATCH) return;
  try {
    countValues(unmanaged(object), valuesMax);
  } catch (error) {
    const before = countValues(unmanaged(old), Number.POSITIVE_INFINITY);
    if (countValues(unmanaged(object), Number.POSITIVE_INFINITY) > before) throw error;
  }
}
