// Reaching into values by field and by index (cel-go interpreter/attributes.go).
import { CelError, CelList, CelMap, noSuchKey, noSuchOverload, Optional, Uint, type Value } from './values.ts';

export function selectField(value: Value, field: string): Value {
  if (value instanceof CelMap) {
    const found = value.find(field);
    if (found === undefined) throw noSuchKey(field);
    return found;
  }
  if (value instanceof Optional) return optionalField(value, field);
  throw noSuchOverload();
}

function optionalField({ value }: Optional, field: Value): Optional {
  if (value === undefined) return Optional.NONE;
  const found = lookUp(value, field);
  return found === undefined ? Optional.NONE : Optional.of(found);
}

/** undefined: nothing is there. */
function lookUp(target: Value, key: Value): Value | undefined {
  if (target instanceof CelMap) return target.find(key);
  if (!(target instanceof CelList)) throw noSuchOverload();
  const index = indexOf(key);
  return index < 0n || index >= BigInt(target.size) ? undefined : target.at(Number(index));
}

function indexOf(key: Value): bigint {
  if (typeof key === 'bigint') return key;
  if (key instanceof Uint) return key.value;
  if (typeof key === 'number' && Number.isInteger(key)) return BigInt(key);
  throw new CelError(`unsupported index type '${typeof key === 'number' ? 'double' : typeof key}' in list`);
}

/** target[key], or target[?key] and target.?key which answer an optional. */
export function valueAtIndex(target: Value, key: Value, optional: boolean): Value {
  if (optional) return optionalField(target instanceof Optional ? target : Optional.of(target), key);
  if (target instanceof Optional) return optionalField(target, key);
  const found = lookUp(target, key);
  if (found !== undefined) return found;
  throw target instanceof CelList ? new CelError(`index out of bounds: ${indexOf(key)}`) : noSuchKey(key);
}
