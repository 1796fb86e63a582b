// The table as a model, and the commands that lead from one model to the next. Pure: nothing here runs nft.
import { type EndpointSlice, keyOf, type Service, serviceKeyOf } from '../kinds.ts';
import { addressType, baseCommands, type TableOptions, tableName } from './base-rules.ts';
import { type Fragment, fragmentOf } from './fragment.ts';
import type { NodeTopology } from './topology.ts';

/** `namespace/name` of a service → its part. */
export type Model = ReadonlyMap<string, Fragment>;

/** The whole model of a world. The running proxy computes only the parts that changed. */
export function ruleset(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  topology: NodeTopology,
  options: TableOptions,
): Model {
  const byService = Map.groupBy(slices, (slice) => serviceKeyOf(slice));
  const model = new Map<string, Fragment>();
  for (const service of services) {
    const fragment = fragmentOf(service, byService.get(keyOf(service)) ?? [], topology, options);
    if (fragment) model.set(keyOf(service), fragment);
  }
  return model;
}

export interface Transaction {
  /** Input of `nft -f -`; empty when nothing is to be done. */
  text: string;
  /** Chains that are empty now and may be deleted a second later. */
  staleChains: string[];
}

/**
 * What is in the kernel, as far as we put it there. Two services may ask for the same element (the same pod behind
 * both makes the same hairpin entry); it stays until the last one lets go.
 */
export class Ruleset {
  readonly #options: TableOptions;
  readonly #fragments = new Map<string, Fragment>();
  readonly #owners = new Map<string, Map<string, string>>();

  constructor(options: TableOptions) {
    this.#options = options;
  }

  get model(): Model {
    return this.#fragments;
  }

  /** Takes over changed services (undefined: gone) and returns the commands; their number follows the change alone. */
  update(changes: ReadonlyMap<string, Fragment | undefined>): Transaction {
    const before = new Map<string, string | undefined>();
    const old: Fragment[] = [];
    const fresh: Fragment[] = [];
    for (const [service, fragment] of changes) {
      const previous = this.#fragments.get(service);
      if (previous) old.push(previous);
      if (fragment) fresh.push(fragment);
      for (const element of previous?.elements.keys() ?? []) this.#note(before, element);
      for (const element of fragment?.elements.keys() ?? []) this.#note(before, element);
      this.#replace(service, previous, fragment);
    }
    const table = tableName(this.#options);
    const chains = chainCommands(table, old, fresh, this.#options);
    const elements = this.#elementCommands(table, before);
    const commands = [...chains.before, ...elements, ...chains.after];
    return { text: commands.length > 0 ? `${commands.join('\n')}\n` : '', staleChains: chains.stale };
  }

  /** Everything from nothing, replacing whatever table is there. */
  full(): string {
    const table = tableName(this.#options);
    const all = [...this.#fragments.values()];
    const chains = chainCommands(table, [], all, this.#options);
    const empty = new Map([...this.#owners.keys()].map((element) => [element, undefined]));
    return `${[...baseCommands(this.#options), ...chains.before, ...this.#elementCommands(table, empty), ...chains.after].join('\n')}\n`;
  }

  #value(element: string): string | undefined {
    return this.#owners.get(element)?.values().next().value;
  }

  #note(before: Map<string, string | undefined>, element: string) {
    if (!before.has(element)) before.set(element, this.#value(element));
  }

  #replace(service: string, previous: Fragment | undefined, fragment: Fragment | undefined) {
    for (const element of previous?.elements.keys() ?? []) {
      if (fragment?.elements.has(element)) continue;
      const owners = this.#owners.get(element)!;
      owners.delete(service);
      if (owners.size === 0) this.#owners.delete(element);
    }
    for (const [element, value] of fragment?.elements ?? []) {
      let owners = this.#owners.get(element);
      if (!owners) {
        owners = new Map();
        this.#owners.set(element, owners);
      }
      owners.set(service, value);
    }
    if (fragment) this.#fragments.set(service, fragment);
    else this.#fragments.delete(service);
  }

  #elementCommands(table: string, before: ReadonlyMap<string, string | undefined>): string[] {
    const gone = new Map<string, string[]>();
    const added = new Map<string, string[]>();
    for (const [element, previous] of before) {
      const value = this.#value(element);
      if (value === previous) continue;
      const [container, key] = element.split('|') as [string, string];
      if (previous !== undefined) append(gone, container, key);
      if (value !== undefined) append(added, container, value === '' ? key : `${key} : ${value}`);
    }
    const command =
      (verb: string) =>
      ([container, items]: [string, string[]]) =>
        `${verb} element ${table} ${container} { ${items.join(', ')} }`;
    return [...[...gone].map(command('delete')), ...[...added].map(command('add'))];
  }
}

function append(lists: Map<string, string[]>, name: string, item: string) {
  const list = lists.get(name);
  if (list) list.push(item);
  else lists.set(name, [item]);
}

const merged = <V>(fragments: readonly Fragment[], pick: (fragment: Fragment) => Map<string, V>) =>
  new Map(fragments.flatMap((fragment) => [...pick(fragment)]));

/**
 * Chains come before the elements that point to them. Chains without a purpose are only emptied: before Linux 6.2 the
 * kernel still counts the reference of a map element for a moment after it was deleted.
 */
function chainCommands(table: string, old: readonly Fragment[], fresh: readonly Fragment[], options: TableOptions) {
  const oldChains = merged(old, (fragment) => fragment.chains);
  const chains = merged(fresh, (fragment) => fragment.chains);
  const oldSets = merged(old, (fragment) => fragment.affinitySets);
  const sets = merged(fresh, (fragment) => fragment.affinitySets);
  const changed = [...chains].filter(([name, rules]) => oldChains.get(name)?.join('\n') !== rules.join('\n'));
  const stale = [...oldChains.keys()].filter((name) => !chains.has(name));
  const before = [
    ...changed.flatMap(([name]) => [`add chain ${table} ${name}`, `flush chain ${table} ${name}`]),
    ...[...sets]
      .filter(([name]) => !oldSets.has(name))
      .map(
        ([name, seconds]) =>
          `add set ${table} ${name} { type ${addressType(options.family)} ; flags dynamic,timeout ; timeout ${seconds}s ; }`,
      ),
    ...changed.flatMap(([name, rules]) => rules.map((rule) => `add rule ${table} ${name} ${rule}`)),
  ];
  const after = [
    ...stale.map((name) => `flush chain ${table} ${name}`),
    ...[...oldSets.keys()].filter((name) => !sets.has(name)).map((name) => `delete set ${table} ${name}`),
  ];
  return { before, after, stale };
}

/** The commands from one model to another. */
export function diff(old: Model, fresh: Model, options: TableOptions): string {
  const state = new Ruleset(options);
  state.update(old);
  const changes = new Map<string, Fragment | undefined>(fresh);
  for (const service of old.keys()) if (!fresh.has(service)) changes.set(service, undefined);
  return state.update(changes).text;
}
