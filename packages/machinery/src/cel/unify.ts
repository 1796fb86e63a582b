// Assignability with type variables (cel-go checker/types.go).
import { type CelType, DYN, listOf, mapOf, sameType, typeOf } from './types.ts';

const NULLABLE = new Set(['null', 'struct', 'opaque', 'timestamp', 'duration']);

/** What type variables stand for, by name. */
export type Substitution = Map<string, CelType>;

/** The type with its variables replaced; with `toDynamic` those that are still free become dyn. */
export function substitute(known: Substitution, type: CelType, toDynamic: boolean): CelType {
  switch (type.kind) {
    case 'parameter': {
      const found = known.get(type.name);
      if (found) return substitute(known, found, toDynamic);
      return toDynamic ? DYN : type;
    }
    case 'list':
      return listOf(substitute(known, type.element, toDynamic));
    case 'map':
      return mapOf(substitute(known, type.key, toDynamic), substitute(known, type.value, toDynamic));
    case 'opaque':
      return type.parameters.length ? { ...type, parameters: type.parameters.map((each) => substitute(known, each, toDynamic)) } : type;
    case 'type':
      return type.of ? typeOf(substitute(known, type.of, toDynamic)) : type;
    default:
      return type;
  }
}

function parametersOf(type: CelType): readonly CelType[] {
  switch (type.kind) {
    case 'list':
      return [type.element];
    case 'map':
      return [type.key, type.value];
    case 'opaque':
      return type.parameters;
    case 'type':
      return type.of ? [type.of] : [];
    default:
      return [];
  }
}

function occurs(known: Substitution, name: string, type: CelType): boolean {
  const actual = type.kind === 'parameter' ? (known.get(type.name) ?? type) : type;
  if (actual.kind === 'parameter') return actual.name === name;
  return parametersOf(actual).some((each) => occurs(known, name, each));
}

/** Whether `other` may stand for the variable; the more general of it and what stood there before is kept. */
function standsFor(known: Substitution, name: string, other: CelType): { valid: boolean; bound: boolean } {
  if (other.kind === 'parameter' && other.name === name) return { valid: true, bound: true };
  const bound = known.get(name);
  if (bound) {
    if (sameType(other, bound)) return { valid: true, bound: true };
    if (!assign(known, other, bound)) return { valid: false, bound: true };
    const general = mostGeneral(other, bound);
    if (!occurs(known, name, general)) known.set(name, general);
    return { valid: true, bound: true };
  }
  if (occurs(known, name, other)) return { valid: false, bound: false };
  known.set(name, other);
  return { valid: true, bound: false };
}

/** Whether a value of type `from` may stand where `to` is wanted. Variables found on the way are kept in `known`. */
export function assign(known: Substitution, to: CelType, from: CelType): boolean {
  if (to === from) return true;
  if (from.kind === 'parameter') {
    const { valid, bound } = standsFor(known, from.name, to);
    if (valid) return true;
    if (bound) return false;
  }
  if (to.kind === 'parameter') return standsFor(known, to.name, from).valid;
  if (to.kind === 'dyn' || to.kind === 'error' || from.kind === 'dyn' || from.kind === 'error') return true;
  // Messages, times and the like may be absent.
  if (from.kind === 'null') return NULLABLE.has(to.kind);
  if (to.kind === 'null') return NULLABLE.has(from.kind);
  if (to.kind !== from.kind) return false;
  if (to.kind === 'struct') return to.name === (from as typeof to).name;
  if (to.kind === 'type') return true;
  if (to.kind === 'opaque' && to.name !== (from as typeof to).name) return false;
  const left = parametersOf(to);
  const right = parametersOf(from);
  return left.length === right.length && left.every((each, i) => assign(known, each, right[i]!));
}

/** The more general of two types that are assignable to each other. */
export function mostGeneral(a: CelType, b: CelType): CelType {
  return isEqualOrLessSpecific(a, b) ? a : b;
}

function isEqualOrLessSpecific(a: CelType, b: CelType): boolean {
  if (a.kind === 'dyn' || a.kind === 'parameter') return true;
  if (b.kind === 'dyn' || b.kind === 'parameter') return false;
  if (a.kind !== b.kind) return false;
  const left = parametersOf(a);
  const right = parametersOf(b);
  return (
    left.length === right.length &&
    (left.length ? left.every((each, i) => isEqualOrLessSpecific(each, right[i]!)) : a.kind === 'type' || sameType(a, b))
  );
}
