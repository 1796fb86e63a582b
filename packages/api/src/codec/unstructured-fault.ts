// Why plain data is no object of a type, in the words of upstream's converter (apimachinery runtime/converter.go), which strategic merge
// patches and applied configurations go through instead of decoding.
import { type StructNode, ValueKind, type ValueNode } from '../schema/nodes.ts';
import { normalizeValue } from './normalize.ts';
import { decodeBase64 } from './scalars.ts';

/** Go's kind of a plain value, and its type where that is said otherwise. */
function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'slice';
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    case 'boolean':
      return 'bool';
    case 'object':
      return 'map';
    default:
      return 'string';
  }
}

const SIMPLE: Partial<Record<ValueKind, string>> = {
  [ValueKind.string]: 'string',
  [ValueKind.bool]: 'bool',
  [ValueKind.int32]: 'int32',
  [ValueKind.int64]: 'int64',
  [ValueKind.float]: 'float64',
};

function simpleFault(wanted: string, given: string, goType: string): string | undefined {
  if (given === wanted) return undefined;
  const toNumber = wanted !== 'string' && wanted !== 'bool';
  if (given === 'int64') {
    if (toNumber) return undefined;
    if (wanted === 'string') return `cannot convert int64 to ${goType}`;
  }
  if (given === 'float64' && toNumber) return `cannot convert float64 to ${goType}`;
  return `unrecognized type: ${wanted}`;
}

/** Types that read JSON by themselves say the same as when they are decoded. */
function ownFault(node: ValueNode, value: unknown): string | undefined {
  try {
    normalizeValue(node, value, { keys: 0, unknown: 0 }, 0);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function bytesFault(node: ValueNode, value: unknown, given: string): string | undefined {
  if (Array.isArray(value)) return firstOf(value, (item) => (item === null ? undefined : simpleFault('uint8', goKind(item), 'uint8')));
  if (given !== 'string') return `cannot restore slice from ${given}`;
  try {
    decodeBase64(value, node.goType);
    return undefined;
  } catch (error) {
    return `error decoding from json: ${(error as Error).message}`;
  }
}

function firstOf<T>(values: Iterable<T>, fault: (value: T) => string | undefined): string | undefined {
  for (const value of values) {
    const found = fault(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

function valueFault(node: ValueNode, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  const given = goKind(value);
  const simple = SIMPLE[node.kind];
  if (simple) return simpleFault(simple, given, node.goType);
  switch (node.kind) {
    case ValueKind.bytes:
      return bytesFault(node, value, given);
    case ValueKind.struct:
      return structFault(node.struct!, value);
    case ValueKind.list:
      if (given !== 'slice') return `cannot restore slice from ${given}`;
      return firstOf(value as unknown[], (item) => valueFault(node.item!, item));
    case ValueKind.map:
      if (given !== 'map') return `cannot restore map from ${given}`;
      return firstOf(Object.values(value), (item) => valueFault(node.item!, item));
    default:
      return ownFault(node, value);
  }
}

function structFault(node: StructNode, value: unknown): string | undefined {
  const given = goKind(value);
  if (given !== 'map') return `cannot restore struct from: ${given}`;
  const source = value as Record<string, unknown>;
  return firstOf(node.fields, (field) => valueFault(field.value, source[field.name]));
}

const INT32_BITS = 32;

/** Bytes may come one by one. */
const base64Of = (bytes: readonly unknown[]) => Buffer.from(bytes.map(Number)).toString('base64');

/** Nearly always everything fits, and then the value itself comes back. */
function wrappedValue(node: ValueNode, value: unknown): unknown {
  if (value === null || value === undefined) return value;
  if (node.kind === ValueKind.int32) {
    return typeof value === 'number' && Number.isSafeInteger(value) ? Number(BigInt.asIntN(INT32_BITS, BigInt(value))) : value;
  }
  if (node.kind === ValueKind.bytes && Array.isArray(value)) return base64Of(value);
  if (node.kind === ValueKind.struct) return wrappedStruct(node.struct!, value);
  if (node.kind === ValueKind.list && Array.isArray(value)) {
    const items = value.map((item) => wrappedValue(node.item!, item));
    return items.every((item, i) => item === value[i]) ? value : items;
  }
  if (node.kind === ValueKind.map && typeof value === 'object' && !Array.isArray(value)) return wrappedEntries(value, () => node.item!);
  return value;
}

function wrappedEntries(value: object, nodeOf: (key: string) => ValueNode | undefined): object {
  let changed: [string, unknown][] | undefined;
  for (const [key, item] of Object.entries(value)) {
    const node = nodeOf(key);
    const wrapped = node ? wrappedValue(node, item) : item;
    if (wrapped === item) continue;
    changed ??= [];
    changed.push([key, wrapped]);
  }
  return changed ? Object.fromEntries([...Object.entries(value), ...changed]) : value;
}

function wrappedStruct(node: StructNode, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return wrappedEntries(value, (key) => node.byName.get(key)?.value);
}

/** What a patch made of an object, without the parts that it left alone. */
function changedParts(value: object, before: object | undefined): object {
  if (!before) return value;
  const parts = Object.entries(value).filter(
    ([key, part]) => typeof part !== 'object' || part !== (before as Record<string, unknown>)[key],
  );
  return Object.fromEntries(parts);
}

/**
 * The value with its integers as the converter makes them: what does not fit into 32 bits loses its upper ones. Parts that are those of
 * `before`, which went through here, are left as they are.
 */
export function withWrappedIntegers<T extends object>(node: StructNode, value: T, before?: object): T {
  const changed = changedParts(value, before);
  const wrapped = wrappedStruct(node, changed);
  return wrapped === changed ? value : { ...value, ...(wrapped as object) };
}

/** undefined when there is nothing wrong with it. */
export const unstructuredFault = (node: StructNode, value: object, before?: object): string | undefined =>
  structFault(node, changedParts(value, before));
