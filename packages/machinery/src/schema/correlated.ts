// A value beside what it was before, as far as a schema tells which belongs to which (apiserver pkg/cel/common equality.go, maplist.go).
import { jsonEqual } from '../patch/json-value.ts';
import { additionalSchema, type JsonSchema } from './json-schema.ts';

type Entries = Record<string, unknown>;
const isMap = (value: unknown): value is Entries => typeof value === 'object' && value !== null && !Array.isArray(value);
const isNothing = (value: unknown) => value === undefined || value === null;

/** What identifies an item of a list of type map; undefined where a key is missing or no scalar. */
function keyOf(item: unknown, keys: readonly string[]): string | undefined {
  if (!isMap(item)) return undefined;
  const values: unknown[] = [];
  for (const key of keys) {
    const value = Object.hasOwn(item, key) ? item[key] : undefined;
    if (!['boolean', 'number', 'string'].includes(typeof value)) return undefined;
    values.push(value);
  }
  return JSON.stringify(values);
}

export class Correlated {
  readonly value: unknown;
  readonly old: unknown;
  readonly #schema: JsonSchema;
  readonly #children = new Map<string | number, Correlated | undefined>();
  #oldItems: ReadonlyMap<string, unknown> | undefined;
  #same: boolean | undefined;

  constructor(value: unknown, old: unknown, schema: JsonSchema) {
    this.value = value;
    this.old = old;
    this.#schema = schema;
  }

  /** The property with what it was; undefined where one of the two is missing, or the schema doesn't know it. */
  key(name: string): Correlated | undefined {
    if (!this.#children.has(name)) this.#children.set(name, this.#childAt(name));
    return this.#children.get(name);
  }

  #childAt(name: string): Correlated | undefined {
    const { value, old } = this;
    if (!isMap(value) || !isMap(old) || !Object.hasOwn(value, name) || !Object.hasOwn(old, name)) return undefined;
    const { properties } = this.#schema;
    const declared = properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
    const { additionalProperties } = this.#schema;
    const schema = declared ?? (typeof additionalProperties === 'object' ? additionalSchema(this.#schema) : undefined);
    return schema && new Correlated(value[name], old[name], schema);
  }

  /** The item with the one of its key before. Items of other lists have no identity. */
  index(i: number): Correlated | undefined {
    if (!this.#children.has(i)) this.#children.set(i, this.#itemAt(i));
    return this.#children.get(i);
  }

  #itemAt(i: number): Correlated | undefined {
    const { value, old } = this;
    const { items, 'x-kubernetes-list-type': list, 'x-kubernetes-list-map-keys': keys = [] } = this.#schema;
    if (!items || list !== 'map' || !Array.isArray(value) || !Array.isArray(old)) return undefined;
    const key = keyOf(value[i], keys);
    if (key === undefined) return undefined;
    this.#oldItems ??= new Map(
      old
        .map((item): [string | undefined, unknown] => [keyOf(item, keys), item])
        .filter((pair): pair is [string, unknown] => pair[0] !== undefined)
        .reverse(),
    );
    const before = this.#oldItems.get(key);
    return isNothing(before) ? undefined : new Correlated(value[i], before, items);
  }

  /** Nothing has changed. What the schema doesn't know is never the same. */
  get same(): boolean {
    this.#same ??= this.#isSame();
    return this.#same;
  }

  #isSame(): boolean {
    const { value, old } = this;
    if (isNothing(value) || isNothing(old)) return isNothing(value) && isNothing(old);
    if (Array.isArray(value) && Array.isArray(old)) {
      if (value.length !== old.length) return false;
      if (this.#schema['x-kubernetes-list-type'] !== 'map') return jsonEqual(value, old);
      return value.every((_, i) => this.index(i)?.same === true);
    }
    if (isMap(value) && isMap(old)) {
      const names = Object.keys(value);
      return names.length === Object.keys(old).length && names.every((name) => this.key(name)?.same === true);
    }
    return value === old;
  }
}
