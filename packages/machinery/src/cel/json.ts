// Values back into JSON (apiserver pkg/cel/mutation; cel-go's conversion to google.protobuf.Value).
import { durationText, timestampText } from './time-text.ts';
import { CelError, CelList, CelMap, Duration, Optional, Timestamp, TypeValue, typeNameOf, Uint, type Value } from './values.ts';

/** The value as plain JSON. Throws CelError for what JSON has no form of. */
export function toJson(value: Value): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof CelList) return [...value].map(toJson);
  if (value instanceof CelMap) {
    const entries = [...value.keys()].map((key): [string, unknown] => {
      if (typeof key !== 'string') throw new CelError(`map key ${String(key)} is of type ${typeNameOf(key)}, not string`);
      return [key, toJson(value.find(key)!)];
    });
    return Object.fromEntries(entries);
  }
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Uint8Array) return btoa(String.fromCharCode(...value));
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof Optional && value.value !== undefined) return toJson(value.value);
  throw new CelError(`unsupported conversion of ${value instanceof TypeValue ? 'type' : typeNameOf(value)} to JSON`);
}
