// Lists of type set and map: order does not count when they are compared, and adding merges (KEP-2876; apiserver
// pkg/cel/common/values.go).
import { equals } from '../compare.ts';
import { ArrayList, type CelList, type CelMap, JsonList, type Value } from '../values.ts';
import { escapeName } from './escaping.ts';

/** Where an equal item stands; -1: nowhere. */
const position = (list: readonly Value[], item: Value) => list.findIndex((each) => equals(each, item));

export class SetList extends JsonList {
  override equalTo(other: CelList): boolean {
    const mine = [...this];
    return this.size === other.size && [...other].every((item) => position(mine, item) >= 0);
  }
  override plus(other: CelList): CelList {
    const made = [...this];
    for (const item of other) if (position(made, item) < 0) made.push(item);
    return new ArrayList(made);
  }
}

export class KeyedList extends JsonList {
  readonly #keys: readonly string[];
  constructor(raw: readonly unknown[], convert: (item: unknown) => Value, keys: readonly string[]) {
    super(raw, convert);
    this.#keys = keys.flatMap((key) => escapeName(key) ?? []);
  }
  #sameKeys(a: Value, b: Value): boolean {
    return this.#keys.every((key) => equals((a as CelMap).find(key) ?? null, (b as CelMap).find(key) ?? null));
  }
  override equalTo(other: CelList): boolean {
    const mine = [...this];
    return this.size === other.size && [...other].every((item) => mine.some((each) => this.#sameKeys(each, item) && equals(each, item)));
  }
  override plus(other: CelList): CelList {
    const made = [...this];
    for (const item of other) {
      const at = made.findIndex((each) => this.#sameKeys(each, item));
      if (at < 0) made.push(item);
      else made[at] = item;
    }
    return new ArrayList(made);
  }
}
