// Which of several faults Go tells of (encoding/json decode.go): it reads on after a value of a wrong type and tells of the first of
// those at the end; but a type that reads itself, such as a quantity or a time, ends it at once. Runs only for data that has a fault.
import { type StructNode, ValueKind, type ValueNode } from '../schema/nodes.ts';
import { DecodeError, jsonTypeName, TypeMismatch } from './decode-error.ts';
import { NESTING_MAX, normalizeValue } from './normalize.ts';

/** Kinds of values that read themselves. */
const READS_ITSELF: ReadonlySet<ValueKind> = new Set([
  ValueKind.quantity,
  ValueKind.intOrString,
  ValueKind.time,
  ValueKind.microTime,
  ValueKind.duration,
  ValueKind.schemaOrBool,
  ValueKind.schemaOrArray,
  ValueKind.schemaOrStrings,
]);

class Finder {
  readonly sorted: boolean;
  first: DecodeError | undefined;

  constructor(sorted: boolean) {
    this.sorted = sorted;
  }

  /** Throws what ends the reading. */
  look(node: ValueNode, value: unknown, depth: number, within: (fault: TypeMismatch) => void): void {
    if (value === null || value === undefined || depth > NESTING_MAX) return;
    const isPlain = typeof value === 'object' && !Array.isArray(value);
    if (node.kind === ValueKind.struct && isPlain) this.fields(node.struct!, value as Record<string, unknown>, depth + 1, within);
    else if (node.kind === ValueKind.list && Array.isArray(value)) for (const item of value) this.look(node.item!, item, depth + 1, within);
    else if (node.kind === ValueKind.map && isPlain) {
      for (const key of this.keysOf(value)) this.look(node.item!, (value as Record<string, unknown>)[key], depth + 1, within);
    } else this.scalar(node, value, depth, within);
  }

  scalar(node: ValueNode, value: unknown, depth: number, within: (fault: TypeMismatch) => void): void {
    try {
      normalizeValue(node, value, { keys: 0, unknown: 0 }, depth);
    } catch (fault) {
      if (!(fault instanceof DecodeError)) throw fault;
      if (fault instanceof TypeMismatch) within(fault);
      if (READS_ITSELF.has(node.kind)) throw fault;
      this.first ??= fault;
    }
  }

  fields(node: StructNode, source: Record<string, unknown>, depth: number, within: (fault: TypeMismatch) => void): void {
    for (const key of this.keysOf(source)) {
      if (node.isKind && (key === 'kind' || key === 'apiVersion') && !node.byName.has(key)) {
        this.identity(node, key, source[key], within);
        continue;
      }
      const field = node.byName.get(key);
      if (!field) continue;
      this.look(field.value, source[key], depth, (fault) => {
        fault.within(node.shortName, field.embedded, field.name);
        within(fault);
      });
    }
  }

  identity(node: StructNode, key: string, value: unknown, within: (fault: TypeMismatch) => void): void {
    if (value === null || value === undefined || typeof value === 'string') return;
    const fault = new TypeMismatch(jsonTypeName(value), 'string');
    fault.within(node.shortName, ['TypeMeta'], key);
    within(fault);
    this.first ??= fault;
  }

  keysOf(value: object): string[] {
    const keys = Object.keys(value);
    return this.sorted ? keys.sort() : keys;
  }
}

/** The fault that Go tells of, reading fields in the order of the data, or sorted as data is that was patched. */
export function firstFault(node: StructNode, value: unknown, sorted: boolean): DecodeError | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const finder = new Finder(sorted);
  try {
    finder.fields(node, value as Record<string, unknown>, 0, () => {});
  } catch (fault) {
    if (!(fault instanceof DecodeError)) throw fault;
    return fault;
  }
  return finder.first;
}
