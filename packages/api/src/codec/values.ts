// How much there is to look at in what somebody sends: lists, maps and what they hold. What takes long does so for their number, not
// for their bytes, so that is what is bounded.

/** There are more values than whoever reads them wants to look at. */
export class TooManyValues extends Error {
  override name = 'TooManyValues';
  readonly valuesMax: number;

  constructor(valuesMax: number) {
    super(`limit is ${valuesMax} values`);
    this.valuesMax = valuesMax;
  }
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP, COMMA] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d, 0x2c];

/** Keys of one map from which on each counts twice: nothing of a known form has as many, and engines take longer over such maps. */
const WIDE_MAP = 100;

/** Values and depth of a JSON text, from its bytes. Of a text that is none, no more than it could have. */
export function measureJson(json: Uint8Array, depthMax: number): { values: number; isDeep: boolean } {
  /** Of each container that is open: the items after the first, for a list always too few to be a wide map. */
  const outside: number[] = [];
  let items = Number.NEGATIVE_INFINITY;
  let inString = false;
  let values = 0;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA) values += ++items >= WIDE_MAP ? 2 : 1;
    else if (byte === OPEN_MAP || byte === OPEN_LIST) {
      values++;
      outside.push(items);
      items = byte === OPEN_MAP ? 0 : Number.NEGATIVE_INFINITY;
      if (outside.length > depthMax) return { values, isDeep: true };
    } else if (byte === CLOSE_MAP || byte === CLOSE_LIST) items = outside.pop() ?? Number.NEGATIVE_INFINITY;
  }
  return { values, isDeep: false };
}

/** The same number for data, which may have parts in common. Throws TooManyValues once it is reached. */
export function countValues(value: unknown, valuesMax: number): number {
  let count = 0;
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next !== 'object' || next === null) continue;
    let held = 0;
    if (Array.isArray(next)) {
      held = next.length;
      if (count + held <= valuesMax) for (const item of next) if (typeof item === 'object') rest.push(item);
    } else {
      for (const key in next) {
        held += held >= WIDE_MAP ? 2 : 1;
        const item = (next as Record<string, unknown>)[key];
        if (typeof item === 'object') rest.push(item);
      }
    }
    count += Math.max(1, held);
    if (count > valuesMax) throw new TooManyValues(valuesMax);
  }
  return count;
}
