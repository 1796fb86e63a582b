// Declarations of functions: what the checker resolves and the evaluator calls (cel-go common/decls).
import { type CelType, isOptional } from './types.ts';
import { CelList, CelMap, Duration, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

export interface Overload {
  readonly id: string;
  /** Called as target.name(…). */
  readonly member: boolean;
  /** The target first, if there is one. */
  readonly parameters: readonly CelType[];
  readonly result: CelType;
  readonly call: (...args: any[]) => Value;
}

export type FunctionTable = ReadonlyMap<string, readonly Overload[]>;
export type Declared = readonly [name: string, overload: Overload];

export const member = (name: string, id: string, parameters: readonly CelType[], result: CelType, call: Overload['call']): Declared => [
  name,
  { id, member: true, parameters, result, call },
];

export const free = (name: string, id: string, parameters: readonly CelType[], result: CelType, call: Overload['call']): Declared => [
  name,
  { id, member: false, parameters, result, call },
];

export function functionTable(...libraries: readonly (readonly Declared[])[]): FunctionTable {
  const table = new Map<string, Overload[]>();
  for (const [name, overload] of libraries.flat()) {
    const known = table.get(name);
    if (known) known.push(overload);
    else table.set(name, [overload]);
  }
  return table;
}

/** Whether a value may be passed for a parameter. Elements of lists and maps are not looked at. */
export function accepts(type: CelType, value: Value): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'parameter':
      return true;
    case 'int':
      return typeof value === 'bigint';
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    case 'bool':
      return typeof value === 'boolean';
    case 'null':
      return value === null;
    case 'uint':
      return value instanceof Uint;
    case 'bytes':
      return value instanceof Uint8Array;
    case 'timestamp':
      return value instanceof Timestamp;
    case 'duration':
      return value instanceof Duration;
    case 'list':
      return value instanceof CelList;
    case 'map':
      return value instanceof CelMap;
    case 'type':
      return value instanceof TypeValue;
    case 'opaque':
    case 'struct':
      if (isOptional(type)) return value instanceof Optional;
      return typeof value === 'object' && value !== null && (value as { typeName?: string }).typeName === type.name;
    default:
      return false;
  }
}
