// A look at a body before anything reads it, so that nobody can make the readers recurse or take long. One pass over its bytes.
import { type ApiRequest, type StatusError, statusError } from '@tiphys/machinery';
import { mediaType } from './body.ts';

const JSON_PATCH = 'application/json-patch+json';

/** As deep as Go's reader goes. */
export const JSON_NESTING_MAX = 10_000;
/** Reading YAML takes about a microsecond a byte; programs send JSON, also where they call it YAML. */
export const YAML_BYTES_MAX = 512 * 1024;

/**
 * Lists, maps and what they hold: rules take a few microseconds for each. An EndpointSlice of 1,000 endpoints has 14,000. Kinds whose objects
 * are larger say so themselves (ResourceDefinition.valuesMax).
 */
export const VALUES_MAX = 20_000;

/** An operation of a JSON patch has four values and may hold more; that there are no more than 10,000 is for the patch to say. */
export const JSON_PATCH_VALUES_MAX = 50_000;

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];
const COMMA = 0x2c;

function firstByte(body: Uint8Array): number | undefined {
  return body.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
}

/** Looks for too deep JSON and too many values, and no further than it must. Spaces and broken texts do no harm. */
function judgeJson(json: Uint8Array, valuesMax: number): void {
  let depth = 0;
  let inString = false;
  let values = 0;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA) values++;
    else if (byte === OPEN_MAP || byte === OPEN_LIST) {
      values++;
      if (++depth > JSON_NESTING_MAX) throw statusError.badRequest('exceeded max depth');
    } else if (byte === CLOSE_MAP || byte === CLOSE_LIST) depth--;
  }
  if (values > valuesMax) throw tooManyValues(valuesMax);
}

export const tooManyValues = (valuesMax: number): StatusError => statusError.requestEntityTooLarge(`limit is ${valuesMax} values`);

/** Throws BadRequest or RequestEntityTooLarge. Small bodies can do no harm and are not looked at. */
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
