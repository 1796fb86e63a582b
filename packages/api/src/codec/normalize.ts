// Parsed JSON to an object as Go would hold and print it: fields in schema order, unknown ones dropped, zero values kept or
// dropped as Go's struct tags say, scalars in canonical form. The way in for every object, whatever bytes it came as.
import { type FieldNode, type StructNode, ValueKind, type ValueNode } from '../schema/nodes.ts';
import { DecodeError, jsonTypeName, TypeMismatch } from './decode-error.ts';
import { decodeBase64, decodeDuration, decodeInt, decodeIntOrString, decodeQuantity, decodeTime } from './scalars.ts';

type Plain = Record<string, unknown>;

/** JSON nested deeper than this is refused; schemas that refer to themselves could otherwise exhaust the stack. */
export const NESTING_MAX = 512;
const EMPTY: Plain = Object.freeze({});

/** Counts what strict decoding needs to know without looking at names twice. */
export interface NormalizeTally {
  /** Keys of all JSON objects seen. */
  keys: number;
  /** Keys that no field has. */
  unknown: number;
  /** Inside of metadata whose fields must not be set: an empty list is set. */
  keepsEmpty?: boolean;
  /** What is looked at has been here before: what is known of its parts holds for theirs. */
  again?: boolean;
}

/** Lists that rules or defaults take for set though they are empty. None of them is ever stored so. */
const KEPT_EMPTY = new Set(['HPAScalingRules.policies', 'JSONSchemaProps.dependencies']);
const TEMPLATE_METADATA = new Set(['PersistentVolumeClaimTemplate.metadata', 'ResourceClaimTemplateSpec.metadata']);

/** By object, the fields that came as an empty list or map and were dropped. */
const cameUnlike = new WeakMap<object, Set<string>>();
/** What upstream's defaults make empty where nothing came. */
const DEFAULTED_EMPTY = new Set(['LimitRangeItem.default', 'LimitRangeItem.defaultRequest']);

/**
 * Whether Go keeps the object apart from what is read once it is stored: a list or map came empty, or an amount came in other words. It
 * says so of what was decoded and has got its defaults, not of copies.
 */
export const cameUnlikeStored = (object: object): boolean => cameUnlike.has(object);

/** Whether the field came as an empty list or map, which rules of upstream take for set and nothing that is stored or told does. */
export const cameEmpty = <T extends object>(object: T, name: keyof T & string): boolean =>
  object[name] === undefined && cameUnlike.get(object)?.has(name) === true;

/** By object, the times that came finer than seconds, which is all that is kept of them. */
const cameFine = new WeakMap<object, Set<string>>();

/** Whether the time came with a part of a second: until it is stored, upstream takes it for another than the whole second. */
export const cameFiner = (object: object, name: string): boolean => cameFine.get(object)?.has(name) === true;

/** Whether a time of one came finer than that of the other. */
export function finerApart(a: object, b: object): boolean {
  const [x, y] = [cameFine.get(a), cameFine.get(b)];
  return x !== y && (x ?? NONE).symmetricDifference(y ?? NONE).size > 0;
}

const NONE: ReadonlySet<string> = new Set();

function noteFine(object: object, name: string): void {
  const names = cameFine.get(object) ?? new Set();
  names.add(name);
  cameFine.set(object, names);
}

function noteUnlike(object: object, dropped?: string): void {
  const names = cameUnlike.get(object) ?? new Set();
  if (dropped !== undefined) names.add(dropped);
  cameUnlike.set(object, names);
}

/** What is known of how the source came holds for what is made of it. */
function inherit(object: object, source: object): void {
  const unlike = cameUnlike.get(source);
  if (unlike) {
    noteUnlike(object);
    for (const name of unlike) noteUnlike(object, name);
  }
  for (const name of cameFine.get(source) ?? NONE) noteFine(object, name);
}

export function normalizeStruct(node: StructNode, input: unknown, tally: NormalizeTally, goType: string, depth = 0): Plain {
  if (input === null) input = EMPTY;
  if (typeof input !== 'object' || Array.isArray(input)) throw new TypeMismatch(jsonTypeName(input), goType);
  if (depth > NESTING_MAX) throw new DecodeError('exceeded max depth');
  const source = input as Plain;
  const out: Plain = {};
  let matched = 0;
  if (node.isKind) matched = copyIdentity(node, source, out);
  // Most objects have few of the fields they could have: only those are looked at.
  const visited = node.alwaysTold.slice();
  let present = 0;
  for (const key in source) {
    if (source[key] === undefined) continue;
    present++;
    const field = node.byName.get(key);
    if (!field) continue;
    matched++;
    if (!field.isAlwaysTold) insertInOrder(visited, field);
  }
  for (const field of visited) {
    const value = source[field.name];
    if (value === undefined) addMissing(field, out, tally, depth);
    else if (value === null && tally.again && isAlternative(field.value)) out[field.name] = null;
    else if (value === null) addMissing(field, out, tally, depth);
    else addField(node, field, value, out, tally, depth);
  }
  tally.keys += present;
  if (present !== matched) countUnknown(node, source, tally);
  if (tally.again) inherit(out, source);
  return out;
}

/** What comes in order goes to the end at once, and much of it does. */
function insertInOrder(fields: FieldNode[], field: FieldNode): void {
  let at = fields.length;
  fields.push(field);
  for (; at > 0 && fields[at - 1]!.position > field.position; at--) fields[at] = fields[at - 1]!;
  fields[at] = field;
}

/**
 * The same for an object of which some parts are those of another that went through here before: they are not looked at again. `take`
 * gives what stands for them.
 */
export function normalizeChanged(
  node: StructNode,
  source: Plain,
  before: Plain,
  take: (name: string, part: object) => object,
  tally: NormalizeTally,
  goType: string,
): Plain {
  const changed: Plain = {};
  const kept: Plain = {};
  for (const name in source) {
    const part = source[name];
    const isKept = typeof part === 'object' && part !== null && part === before[name] && node.byName.has(name);
    if (isKept) kept[name] = take(name, part);
    else changed[name] = part;
  }
  const fresh = normalizeStruct(node, changed, tally, goType);
  const out: Plain = {};
  for (const name of ['kind', 'apiVersion']) if (fresh[name] !== undefined) out[name] = fresh[name];
  for (const { name } of node.fields) {
    const part = kept[name] ?? fresh[name];
    if (part !== undefined) out[name] = part;
  }
  return out;
}

/** A schema or something else. What was neither is told as null, and is something still until it is stored. */
export const isAlternative = ({ kind }: ValueNode): boolean =>
  kind === ValueKind.schemaOrArray || kind === ValueKind.schemaOrBool || kind === ValueKind.schemaOrStrings;

function copyIdentity(node: StructNode, source: Plain, out: Plain): number {
  let matched = 0;
  for (const name of ['kind', 'apiVersion']) {
    const value = source[name];
    if (value === undefined) continue;
    matched++;
    if (value === null || value === '') continue;
    if (typeof value !== 'string') {
      const mismatch = new TypeMismatch(jsonTypeName(value), 'string');
      mismatch.within(node.shortName, ['TypeMeta'], name);
      throw mismatch;
    }
    out[name] = value;
  }
  return matched;
}

function countUnknown(node: StructNode, source: Plain, tally: NormalizeTally): void {
  for (const key in source) {
    if (source[key] === undefined || node.byName.has(key) || (node.isKind && (key === 'kind' || key === 'apiVersion'))) continue;
    tally.unknown++;
    tally.keys += countKeys(source[key], 0);
  }
}

/** All keys below a value that is kept or dropped as it is. */
export function countKeys(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > NESTING_MAX) throw new DecodeError('exceeded max depth');
  let count = 0;
  if (Array.isArray(value)) for (const item of value) count += countKeys(item, depth + 1);
  else for (const key in value) count += 1 + countKeys((value as Plain)[key], depth + 1);
  return count;
}

function addField(node: StructNode, field: FieldNode, value: unknown, out: Plain, tally: NormalizeTally, depth: number): void {
  let result: unknown;
  const keepsEmpty = field.name === 'metadata' && depth > 0 && TEMPLATE_METADATA.has(`${node.shortName}.metadata`);
  if (keepsEmpty) tally.keepsEmpty = true;
  try {
    result = normalizeValue(field.value, value, tally, depth);
  } catch (error) {
    if (error instanceof TypeMismatch) error.within(node.shortName, field.embedded, field.name);
    throw error;
  }
  if (keepsEmpty) tally.keepsEmpty = false;
  const { kind, item } = field.value;
  if (kind === ValueKind.time && FINE.test(String(value))) noteFine(out, field.name);
  if (kind === ValueKind.quantity && isReworded(value, result)) noteUnlike(out);
  else if (kind === ValueKind.map && item!.kind === ValueKind.quantity) {
    for (const key in result as Plain) if (isReworded((value as Plain)[key], (result as Plain)[key])) noteUnlike(out);
  }
  if (!field.pointer) {
    if (field.omitEmpty && isEmpty(field.value.kind, result) && !isKeptEmpty(node, field, tally, depth)) {
      if (typeof result === 'object' && !DEFAULTED_EMPTY.has(`${node.shortName}.${field.name}`)) noteUnlike(out, field.name);
      return;
    }
    if (field.omitZero && result === null) return;
  }
  out[field.name] = result;
}

/** A part of a second that is not nothing. */
const FINE = /\.\d*[1-9]/;

/** An amount in other words than it is stored in. */
const isReworded = (came: unknown, amount: unknown) => came !== amount && String(came) !== amount;

function isKeptEmpty(node: StructNode, { name, value: { kind } }: FieldNode, tally: NormalizeTally, depth: number): boolean {
  if (kind !== ValueKind.list && kind !== ValueKind.map) return false;
  // An empty list of managers is a wish: to forget them all.
  if (name === 'managedFields' && depth <= 1) return true;
  if (tally.keepsEmpty) return node.shortName === 'ObjectMeta' && name !== 'labels' && name !== 'annotations';
  return KEPT_EMPTY.has(`${node.shortName}.${name}`);
}

function isEmpty(kind: ValueKind, value: unknown): boolean {
  switch (kind) {
    case ValueKind.string:
    case ValueKind.bytes:
      return value === '';
    case ValueKind.bool:
      return value === false;
    case ValueKind.int32:
    case ValueKind.int64:
    case ValueKind.float:
      return value === 0;
    case ValueKind.list:
      return (value as unknown[]).length === 0;
    case ValueKind.map:
      for (const _ in value as object) return false;
      return true;
    default:
      return false;
  }
}

function addMissing(field: FieldNode, out: Plain, tally: NormalizeTally, depth: number): void {
  if (field.isAlwaysTold) out[field.name] = field.pointer ? null : zeroOf(field.value, tally, depth);
}

function zeroOf(value: ValueNode, tally: NormalizeTally, depth: number): unknown {
  switch (value.kind) {
    case ValueKind.string:
      return '';
    case ValueKind.bool:
      return false;
    case ValueKind.int32:
    case ValueKind.int64:
    case ValueKind.float:
    case ValueKind.intOrString:
      return 0;
    case ValueKind.quantity:
      return '0';
    case ValueKind.duration:
      return '0s';
    case ValueKind.struct:
      return normalizeStruct(value.struct!, EMPTY, tally, value.goType, depth + 1);
    default:
      return null;
  }
}

export function normalizeValue(node: ValueNode, value: unknown, tally: NormalizeTally, depth: number): unknown {
  switch (node.kind) {
    case ValueKind.string:
      if (typeof value !== 'string') throw new TypeMismatch(jsonTypeName(value), node.goType);
      return value;
    case ValueKind.bool:
      if (typeof value !== 'boolean') throw new TypeMismatch(jsonTypeName(value), node.goType);
      return value;
    case ValueKind.int32:
      return decodeInt(value, node.goType, false);
    case ValueKind.int64:
      return decodeInt(value, node.goType, true);
    case ValueKind.float:
      if (typeof value !== 'number') throw new TypeMismatch(jsonTypeName(value), node.goType);
      return value;
    case ValueKind.struct:
      return normalizeStruct(node.struct!, value, tally, node.goType, depth + 1);
    case ValueKind.list:
      return normalizeList(node, value, tally, depth);
    case ValueKind.map:
      return normalizeMap(node, value, tally, depth);
    default:
      return normalizeSpecial(node, value, tally, depth);
  }
}

function normalizeSpecial(node: ValueNode, value: unknown, tally: NormalizeTally, depth: number): unknown {
  switch (node.kind) {
    case ValueKind.bytes:
      return decodeBase64(value, node.goType);
    case ValueKind.quantity:
      return decodeQuantity(value);
    case ValueKind.intOrString:
      return decodeIntOrString(value);
    case ValueKind.time:
      return decodeTime(value, false);
    case ValueKind.microTime:
      return decodeTime(value, true);
    case ValueKind.duration:
      return decodeDuration(value);
    case ValueKind.schemaOrBool:
      if (typeof value === 'boolean') return value;
      if (typeof value !== 'object' || Array.isArray(value)) throw new DecodeError('boolean or JSON schema expected');
      return normalizeStruct(node.struct!, value, tally, node.goType, depth + 1);
    case ValueKind.schemaOrArray:
      if (Array.isArray(value) && value.length === 0) return null;
      if (Array.isArray(value))
        return value.map((item) => normalizeStruct(node.struct!, item, tally, node.goType.replace(/OrArray$/, ''), depth + 1));
      // Anything else counts as nothing.
      if (typeof value !== 'object') return null;
      return normalizeStruct(node.struct!, value, tally, node.goType, depth + 1);
    case ValueKind.schemaOrStrings:
      if (Array.isArray(value)) return value.map((item) => stringOf(item));
      // Anything else counts as nothing.
      if (typeof value !== 'object') return null;
      return normalizeStruct(node.struct!, value, tally, node.goType, depth + 1);
    default:
      tally.keys += countKeys(value, 0);
      return value;
  }
}

function stringOf(value: unknown): string {
  if (value === null) return '';
  if (typeof value !== 'string') throw new TypeMismatch(jsonTypeName(value), 'string');
  return value;
}

function normalizeList(node: ValueNode, value: unknown, tally: NormalizeTally, depth: number): unknown[] {
  if (!Array.isArray(value)) throw new TypeMismatch(jsonTypeName(value), node.goType);
  const item = node.item!;
  const out: unknown[] = new Array(value.length);
  for (let i = 0; i < value.length; i++) {
    const element = value[i];
    out[i] = element === null || element === undefined ? zeroOf(item, tally, depth) : normalizeValue(item, element, tally, depth);
  }
  return out;
}

function isSorted(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) return false;
  return true;
}

function normalizeMap(node: ValueNode, value: unknown, tally: NormalizeTally, depth: number): Plain {
  if (typeof value !== 'object' || Array.isArray(value)) throw new TypeMismatch(jsonTypeName(value), node.goType);
  const source = value as Plain;
  const keys = Object.keys(source);
  tally.keys += keys.length;
  const out: Plain = {};
  if (!isSorted(keys)) keys.sort();
  for (const key of keys) {
    const element = source[key];
    if (element === undefined) continue;
    const result = element === null ? zeroOf(node.item!, tally, depth) : normalizeValue(node.item!, element, tally, depth);
    if (key === '__proto__') Object.defineProperty(out, key, { value: result, enumerable: true, configurable: true, writable: true });
    else out[key] = result;
  }
  return out;
}
