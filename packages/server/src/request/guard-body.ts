// A look at a body before anything reads it, so that nobody can make the readers recurse or take long. One pass over its bytes.
import { type ApiRequest, statusError } from '@tiphys/machinery';
import { mediaType } from './body.ts';

/** As deep as Go's reader goes. */
export const JSON_NESTING_MAX = 10_000;
/** Reading YAML takes about a microsecond a byte; programs send JSON, also where they call it YAML. */
export const YAML_BYTES_MAX = 512 * 1024;

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

function firstByte(body: Uint8Array): number | undefined {
  return body.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
}

function isDeep(json: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_MAP || byte === OPEN_LIST) {
      if (++depth > JSON_NESTING_MAX) return true;
    } else if (byte === CLOSE_MAP || byte === CLOSE_LIST) depth--;
  }
  return false;
}

/** Throws BadRequest or RequestEntityTooLarge. Small bodies can do no harm and are not looked at. */
export function guardBody({ body, headers }: ApiRequest): void {
  if (!(body instanceof Uint8Array) || body.length <= JSON_NESTING_MAX) return;
  const first = firstByte(body);
  if (first === OPEN_MAP || first === OPEN_LIST) {
    if (isDeep(body)) throw statusError.badRequest('exceeded max depth');
  } else if (body.length > YAML_BYTES_MAX && mediaType(headers['content-type']).endsWith('yaml')) {
    throw statusError.requestEntityTooLarge(`limit is ${YAML_BYTES_MAX}`);
  }
}
