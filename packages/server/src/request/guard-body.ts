// A look at a body before anything reads it, so that nobody can make the readers recurse or take long. One pass over its bytes.
import { type ApiRequest, statusError } from '@tiphys/machinery';
import { STORED_BYTES_MAX } from '../verbs/write.ts';
import { mediaType } from './body.ts';

/** As deep as Go's reader goes. */
export const JSON_NESTING_MAX = 10_000;
/** Reading YAML takes about a microsecond a byte; programs send JSON, also where they call it YAML. */
export const YAML_BYTES_MAX = 512 * 1024;

/**
 * Nothing larger than STORED_BYTES_MAX can be stored, and the rules take a second or more for hundreds of thousands of values: what has more
 * values than this, and is that large without its white space, is refused unread.
 */
export const VALUES_OF_LARGE_BODIES_MAX = 10_000;

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];
const [COMMA, SPACE] = [0x2c, 0x20];

function firstByte(body: Uint8Array): number | undefined {
  return body.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
}

/** What a body is made of. It is not counted to the end where it is too deep. */
function measureJson(json: Uint8Array): { isDeep: boolean; bytes: number; values: number } {
  let depth = 0;
  let inString = false;
  let values = 1;
  let spaces = 0;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA) values++;
    else if (byte <= SPACE) spaces++;
    else if (byte === OPEN_MAP || byte === OPEN_LIST) {
      if (++depth > JSON_NESTING_MAX) return { isDeep: true, bytes: json.length, values };
    } else if (byte === CLOSE_MAP || byte === CLOSE_LIST) depth--;
  }
  return { isDeep: false, bytes: json.length - spaces, values };
}

/** Throws BadRequest or RequestEntityTooLarge. Small bodies can do no harm and are not looked at. */
export function guardBody({ body, headers }: ApiRequest): void {
  if (!(body instanceof Uint8Array) || body.length <= JSON_NESTING_MAX) return;
  const first = firstByte(body);
  if (first === OPEN_MAP || first === OPEN_LIST) {
    const { isDeep, bytes, values } = measureJson(body);
    if (isDeep) throw statusError.badRequest('exceeded max depth');
    if (bytes > STORED_BYTES_MAX && values > VALUES_OF_LARGE_BODIES_MAX)
      throw statusError.requestEntityTooLarge(`limit is ${STORED_BYTES_MAX}`);
  } else if (body.length > YAML_BYTES_MAX && mediaType(headers['content-type']).endsWith('yaml')) {
    throw statusError.requestEntityTooLarge(`limit is ${YAML_BYTES_MAX}`);
  }
}
