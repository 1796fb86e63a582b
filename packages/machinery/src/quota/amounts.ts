// Arithmetic on resource lists such as `{cpu: '1', memory: '1Gi'}` (pkg/quota/v1/resources.go).
import { Quantity } from '@tiphys/api';

export type QuantityList = Readonly<Record<string, string>>;
export type ResourceAmounts = Map<string, Quantity>;

export const quantities = (list: QuantityList | undefined): ResourceAmounts =>
  new Map(Object.entries(list ?? {}).map(([name, value]) => [name, Quantity.parse(value)]));

export const quantityTexts = (amounts: ReadonlyMap<string, Quantity>): Record<string, string> =>
  Object.fromEntries([...amounts].map(([name, value]) => [name, value.toString()]));

/** Adds `more` into the first. */
export function addInto(into: ResourceAmounts, more: ReadonlyMap<string, Quantity>): ResourceAmounts {
  for (const [name, value] of more) {
    const known = into.get(name);
    into.set(name, known ? known.add(value) : value);
  }
  return into;
}

/** Raises each amount of the first to that of the second. */
export function raiseTo(into: ResourceAmounts, least: ReadonlyMap<string, Quantity>): ResourceAmounts {
  for (const [name, value] of least) {
    const known = into.get(name);
    if (!known || known.compare(value) < 0) into.set(name, value);
  }
  return into;
}

/** `a - b`, never below zero. */
export function subtractToZero(a: ReadonlyMap<string, Quantity>, b: ReadonlyMap<string, Quantity>): ResourceAmounts {
  const result: ResourceAmounts = new Map();
  for (const [name, value] of a) {
    const less = b.has(name) ? value.sub(b.get(name)!) : value;
    result.set(name, less.sign < 0 ? Quantity.zero : less);
  }
  for (const name of b.keys()) if (!a.has(name)) result.set(name, Quantity.zero);
  return result;
}

export function only(amounts: ReadonlyMap<string, Quantity>, names: Iterable<string>): ResourceAmounts {
  const wanted = new Set(names);
  return new Map([...amounts].filter(([name]) => wanted.has(name)));
}

export const withoutZeros = (amounts: ReadonlyMap<string, Quantity>): ResourceAmounts =>
  new Map([...amounts].filter(([, value]) => !value.isZero));
