// Types of the expression language (cel-spec "Gradual type checking"; cel-go common/types, checker/types.go).

export type SimpleKind = 'dyn' | 'error' | 'null' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'timestamp' | 'duration';

export interface StructType {
  readonly kind: 'struct';
  readonly name: string;
  /** Type of a field; undefined when there is none. A function, because types may hold themselves. */
  readonly field: (name: string) => CelType | undefined;
}

export type CelType =
  | { readonly kind: SimpleKind }
  | { readonly kind: 'list'; readonly element: CelType }
  | { readonly kind: 'map'; readonly key: CelType; readonly value: CelType }
  | StructType
  | { readonly kind: 'opaque'; readonly name: string; readonly parameters: readonly CelType[] }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'type'; readonly of?: CelType };

const simple = (kind: SimpleKind): CelType => Object.freeze({ kind });

export const DYN = simple('dyn');
export const ERROR = simple('error');
export const NULL = simple('null');
export const BOOL = simple('bool');
export const INT = simple('int');
export const UINT = simple('uint');
export const DOUBLE = simple('double');
export const STRING = simple('string');
export const BYTES = simple('bytes');
export const TIMESTAMP = simple('timestamp');
export const DURATION = simple('duration');

export const listOf = (element: CelType): CelType => ({ kind: 'list', element });
export const mapOf = (key: CelType, value: CelType): CelType => ({ kind: 'map', key, value });
export const opaque = (name: string, ...parameters: CelType[]): CelType => ({ kind: 'opaque', name, parameters });
export const OPTIONAL = 'optional_type';
export const optionalOf = (of: CelType): CelType => opaque(OPTIONAL, of);
export const parameter = (name: string): CelType => ({ kind: 'parameter', name });
export const typeOf = (of?: CelType): CelType => (of ? { kind: 'type', of } : { kind: 'type' });
export const struct = (name: string, field: StructType['field']): StructType => ({ kind: 'struct', name, field });

export const isDynamic = (type: CelType): boolean => type.kind === 'dyn';
export const isOptional = (type: CelType): type is Extract<CelType, { kind: 'opaque' }> => type.kind === 'opaque' && type.name === OPTIONAL;

/** As compilation errors name it. */
export function typeText(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${typeText(type.element)})`;
    case 'map':
      return `map(${typeText(type.key)}, ${typeText(type.value)})`;
    case 'struct':
      return type.name;
    case 'opaque':
      return type.parameters.length ? `${type.name}(${type.parameters.map(typeText).join(', ')})` : type.name;
    case 'parameter':
      return type.name;
    case 'type':
      return type.of ? `type(${typeText(type.of)})` : 'type';
    case 'error':
      return '!error!';
    case 'timestamp':
      return 'timestamp';
    case 'duration':
      return 'duration';
    default:
      return type.kind;
  }
}

export function sameType(a: CelType, b: CelType): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  if (a.kind === 'list') return sameType(a.element, (b as typeof a).element);
  if (a.kind === 'map') return sameType(a.key, (b as typeof a).key) && sameType(a.value, (b as typeof a).value);
  if (a.kind === 'struct' || a.kind === 'parameter') return a.name === (b as typeof a).name;
  if (a.kind === 'type') return a.of && (b as typeof a).of ? sameType(a.of, (b as typeof a).of!) : a.of === (b as typeof a).of;
  if (a.kind !== 'opaque') return true;
  const other = b as typeof a;
  return (
    a.name === other.name &&
    a.parameters.length === other.parameters.length &&
    a.parameters.every((each, i) => sameType(each, other.parameters[i]!))
  );
}
