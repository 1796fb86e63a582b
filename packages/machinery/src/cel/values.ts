// Values at run time. Integers are bigint, doubles are number; what JSON holds is wrapped, not copied (cel-go common/types).

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** Nanoseconds since 1970. */
export class Timestamp {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A type as a value: what type(x) answers. */
export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export class Optional {
  static readonly NONE = new Optional(undefined);
  readonly value: Value | undefined;
  private constructor(value: Value | undefined) {
    this.value = value;
  }
  static of(value: Value): Optional {
    return new Optional(value);
  }
}

/** A value of a library's own type, such as an IP address. */
export interface OpaqueValue {
  readonly typeName: string;
  equals(other: Value): boolean;
  /** What cost calculations count; 1 when absent. */
  readonly size?: number;
}

export abstract class CelList {
  abstract readonly size: number;
  abstract at(index: number): Value;
  /** Set by lists whose order does not count. */
  equalTo?(other: CelList): boolean;
  /** Set by lists that merge what is added. */
  plus?(other: CelList): CelList;
  *[Symbol.iterator](): Iterator<Value> {
    for (let i = 0; i < this.size; i++) yield this.at(i);
  }
}

export type MapKey = string | bigint | boolean | Uint;

export abstract class CelMap {
  abstract readonly size: number;
  /** undefined: there is no such key. */
  abstract find(key: Value): Value | undefined;
  has(key: Value): boolean {
    return this.find(key) !== undefined;
  }
  abstract keys(): Iterable<MapKey>;
  /** Name of a declared object's type; a plain map has none. */
  readonly typeName?: string;
}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | TypeValue
  | Optional
  | CelList
  | CelMap
  | OpaqueValue;

export class ArrayList extends CelList {
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    super();
    this.items = items;
  }
  get size(): number {
    return this.items.length;
  }
  at(index: number): Value {
    return this.items[index]!;
  }
  override [Symbol.iterator](): Iterator<Value> {
    return this.items[Symbol.iterator]();
  }
}

/** An array of JSON, its items converted when they are read. */
export class JsonList extends CelList {
  readonly raw: readonly unknown[];
  readonly #convert: (item: unknown) => Value;
  constructor(raw: readonly unknown[], convert: (item: unknown) => Value) {
    super();
    this.raw = raw;
    this.#convert = convert;
  }
  get size(): number {
    return this.raw.length;
  }
  at(index: number): Value {
    return this.#convert(this.raw[index]);
  }
}

/** Numbers that are equal are one key, whatever their types. */
function canonicalKey(key: Value): string | undefined {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'bigint') return `n${key}`;
  if (key instanceof Uint) return `n${key.value}`;
  if (typeof key === 'number') return Number.isInteger(key) ? `n${BigInt(key)}` : undefined;
  if (typeof key === 'boolean') return `b${key}`;
  return undefined;
}

export class EntryMap extends CelMap {
  readonly #entries = new Map<string, readonly [MapKey, Value]>();
  constructor(entries: Iterable<readonly [Value, Value]>) {
    super();
    for (const [key, value] of entries) {
      const canonical = canonicalKey(key);
      if (canonical === undefined || typeof key === 'number') throw new CelError(`unsupported key type: ${typeNameOf(key)}`);
      if (this.#entries.has(canonical)) throw new CelError(`Failed with repeated key: ${String(key instanceof Uint ? key.value : key)}`);
      this.#entries.set(canonical, [key as MapKey, value]);
    }
  }
  get size(): number {
    return this.#entries.size;
  }
  find(key: Value): Value | undefined {
    const canonical = canonicalKey(key);
    return canonical === undefined ? undefined : this.#entries.get(canonical)?.[1];
  }
  *keys(): Iterable<MapKey> {
    for (const [key] of this.#entries.values()) yield key;
  }
  entries(): Iterable<readonly [MapKey, Value]> {
    return this.#entries.values();
  }
}

/** An object of JSON, its values converted when they are read. */
export class JsonMap extends CelMap {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly #convert: (value: unknown) => Value;
  constructor(raw: Readonly<Record<string, unknown>>, convert: (value: unknown) => Value) {
    super();
    this.raw = raw;
    this.#convert = convert;
  }
  get size(): number {
    return Object.keys(this.raw).length;
  }
  find(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.raw, key)) return undefined;
    const value = this.raw[key];
    return value === undefined ? undefined : this.#convert(value);
  }
  override has(key: Value): boolean {
    return typeof key === 'string' && Object.hasOwn(this.raw, key) && this.raw[key] !== undefined;
  }
  *keys(): Iterable<string> {
    for (const key of Object.keys(this.raw)) if (this.raw[key] !== undefined) yield key;
  }
}

/** Named values that are computed when first asked for, such as a policy's variables. */
export class LazyMap extends CelMap {
  readonly #compute: ReadonlyMap<string, () => Value>;
  readonly #known = new Map<string, { value: Value } | { error: unknown }>();
  constructor(compute: ReadonlyMap<string, () => Value>) {
    super();
    this.#compute = compute;
  }
  get size(): number {
    return this.#compute.size;
  }
  find(key: Value): Value | undefined {
    const compute = typeof key === 'string' ? this.#compute.get(key) : undefined;
    if (!compute) return undefined;
    let known = this.#known.get(key as string);
    if (!known) {
      try {
        known = { value: compute() };
      } catch (error) {
        // What is to be tried again later is not an answer.
        if (!(error instanceof CelError)) throw error;
        known = { error };
      }
      this.#known.set(key as string, known);
    }
    if ('error' in known) throw known.error;
    return known.value;
  }
  override has(key: Value): boolean {
    return typeof key === 'string' && this.#compute.has(key);
  }
  keys(): Iterable<string> {
    return this.#compute.keys();
  }
}

/** An evaluation went wrong in a way that `||` and `&&` may absorb. It carries no stack: rules fail often. */
export class CelError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** The limit of cost is reached; nothing absorbs it. */
export class CostExceededError extends CelError {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

export const noSuchKey = (key: Value): CelError => new CelError(`no such key: ${plain(key)}`);
export const noSuchOverload = (): CelError => new CelError('no such overload');

function plain(value: Value): string {
  return value instanceof Uint ? String(value.value) : typeof value === 'object' && value !== null ? typeNameOf(value) : String(value);
}

/** JSON without a declared type: whole numbers are ints. */
export function fromJson(raw: unknown): Value {
  switch (typeof raw) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return raw;
    case 'number':
      return Number.isInteger(raw) ? BigInt(raw) : raw;
    case 'object':
      if (raw === null) return null;
      return Array.isArray(raw) ? new JsonList(raw, fromJson) : new JsonMap(raw as Record<string, unknown>, fromJson);
    default:
      return null;
  }
}

export function typeNameOf(value: Value): string {
  switch (typeof value) {
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
  }
  if (value === null) return 'null_type';
  if (value instanceof CelList) return 'list';
  if (value instanceof CelMap) return value.typeName ?? 'map';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof Optional) return 'optional_type';
  return value.typeName;
}

/** What cost calculations count: characters, bytes, items, entries; 1 for everything else. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return textLength(value);
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof CelList || value instanceof CelMap) return value.size;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof Optional) return value.value === undefined ? 1 : sizeOf(value.value);
  return (value as { size?: number }).size ?? 1;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this tells whether all is ASCII
const ASCII = /^[\x00-\x7f]*$/;

/** Length in code points. */
export function textLength(text: string): number {
  if (ASCII.test(text)) return text.length;
  let length = 0;
  for (const _ of text) length++;
  return length;
}
