// Lists by labels or fields that were asked before: which keys they had, brought up to date by what has changed since. A list that
// matches little among very many objects costs what changed, not a look at all of them.
import { SortedMap } from '@tiphys/std';
import type { Entry } from './entry.ts';
import { type Selection, selects } from './selection.ts';

/** Selections remembered for one resource, the youngest. */
export const STANDING_SELECTIONS_MAX = 16;
/** Looking at fewer objects is quicker than remembering. */
export const STANDING_OBJECTS_MIN = 200;
/** Of a selection with more keys nothing is remembered. */
export const STANDING_KEYS_MAX = 20_000;

/** What a cache says of its objects. */
export interface Source {
  readonly size: number;
  readonly revision: number;
  get(key: string): Entry | undefined;
  range(keyPrefix: string): Iterable<[string, Entry]>;
  /** Keys of what changed after a revision; undefined when that is no longer known. */
  keysChangedAfter(revision: number): readonly string[] | undefined;
}

interface Standing {
  revision: number;
  keys: SortedMap<true>;
}

export class StandingSelections {
  readonly #source: Source;
  /** The youngest last. */
  readonly #known = new Map<string, Standing>();

  constructor(source: Source) {
    this.#source = source;
  }

  clear(): void {
    this.#known.clear();
  }

  /** The selected entries in key order, or undefined where the caller has to look at all. To be used in the same turn. */
  entries(selection: Selection, after: string | undefined): Iterable<Entry> | undefined {
    if (selection.text === undefined || this.#source.size < STANDING_OBJECTS_MIN) return undefined;
    const name = `${selection.keyPrefix} ${selection.text}`;
    const known = this.#known.get(name);
    const standing = (known && this.#updated(known, selection)) ?? this.#begun(selection);
    this.#known.delete(name);
    if (standing.keys.size <= STANDING_KEYS_MAX) this.#known.set(name, standing);
    if (this.#known.size > STANDING_SELECTIONS_MAX) this.#known.delete(this.#known.keys().next().value!);
    return this.#entriesOf(standing.keys, after);
  }

  *#entriesOf(keys: SortedMap<true>, after: string | undefined): Generator<Entry> {
    for (const [key] of keys.range('', after)) yield this.#source.get(key)!;
  }

  #begun(selection: Selection): Standing {
    const keys = new SortedMap<true>();
    for (const [key, entry] of this.#source.range(selection.keyPrefix)) if (selects(selection, entry)) keys.set(key, true);
    return { revision: this.#source.revision, keys };
  }

  #updated({ revision, keys }: Standing, selection: Selection): Standing | undefined {
    const changed = this.#source.keysChangedAfter(revision);
    if (!changed || changed.length > this.#source.size) return undefined;
    for (const key of new Set(changed)) {
      const entry = this.#source.get(key);
      if (entry && selects(selection, entry)) keys.set(key, true);
      else keys.delete(key);
    }
    return { revision: this.#source.revision, keys };
  }
}
