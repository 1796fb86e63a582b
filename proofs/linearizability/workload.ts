// Clients and watchers that do what a seed says, all at once, and the history of it.
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiHandler } from '@tiphys/machinery';
import { type Random, seededRandom } from '@tiphys/runtime';
import { type Answer, ask, follow, listPath, objectOf, PATCH_TYPES, pathOf, reached, versionOf, type Watching } from './connection.ts';
import {
  type GetOperation,
  type History,
  type ListOperation,
  type Rule,
  type Selector,
  type Told,
  UNANSWERED,
  type Value,
  type Version,
  type Watched,
  type WriteOperation,
} from './history.ts';
import type { Running } from './servers.ts';

export interface WorkloadSize {
  operations: number;
  clients: number;
  watchers: number;
  /** How long a watcher may take to hear of the last write. */
  patienceMs: number;
}

/** Where and for how long, when it is not one history on servers that are its alone. */
export interface WorkloadPlace {
  namespaces: readonly string[];
  /** Clients go on until then, however many operations that takes; the last writes are made afterwards. */
  until: Promise<void>;
  /** Between two operations of a client. */
  pauseMs: number;
  /** What was written after a revision and up to another, by other means than a watch. */
  recorded(start: number, end: number): Promise<readonly Told[]>;
}

const NAMESPACES = ['red', 'blue'];
const NAMES = ['one', 'two', 'three', 'four', 'five', 'six'];
const WATCH_EVENTS_MAX = 400;
const WATCH_SECONDS_MAX = 4;
/** Far more than a history takes, even where timers are hasty. */
const WATCH_ALL_SECONDS = 36_000_000;
const LAST_ATTEMPTS_MAX = 20;
const PAGE = 3;
const PAST_SHARE = 0.1;
const FUTURE_SHARE = 0.08;
const FUTURE_REVISIONS = 1_000_000;
const LAST = 'last';

type Act = 'create' | 'update' | 'updateAny' | 'patch' | 'patchAt' | 'apply' | 'delete' | 'deleteAt' | 'get' | 'list';
const SHARES: Record<Act, number> = {
  create: 14,
  update: 18,
  updateAny: 6,
  patch: 16,
  patchAt: 5,
  apply: 4,
  delete: 6,
  deleteAt: 4,
  get: 14,
  list: 13,
};
const ACTS = Object.entries(SHARES).flatMap(([act, share]) => Array.from({ length: share }, () => act as Act));

/** What a client may know: the newest of all answers, as programs that share a cache do. */
class Shared {
  readonly history: History;
  now = 0;
  values = 0;
  readonly revisions = new Map<string, number>();
  newest: number;
  readonly compacted: () => number;
  readonly namespaces: readonly string[];

  constructor(start: number, compacted: () => number, namespaces: readonly string[]) {
    this.history = { operations: [], watches: [], start };
    this.newest = start;
    this.compacted = compacted;
    this.namespaces = namespaces;
  }

  knows({ key, revision }: Version): void {
    this.revisions.set(key, revision);
    this.newest = Math.max(this.newest, revision);
  }
}

class Client {
  readonly #handler: ApiHandler;
  readonly #shared: Shared;
  readonly #random: Random;

  constructor(handler: ApiHandler, shared: Shared, random: Random) {
    this.#handler = handler;
    this.#shared = shared;
    this.#random = random;
  }

  async act(): Promise<void> {
    const act = this.#one(ACTS);
    if (act === 'get') await this.#get();
    else if (act === 'list') await this.#list();
    else await this.#write(act);
  }

  #below(n: number): number {
    return Math.floor(this.#random.number() * n);
  }

  #one<T>(all: readonly T[]): T {
    return all[this.#below(all.length)]!;
  }

  #key(): string {
    return `${this.#one(this.#shared.namespaces)}/${this.#one(NAMES)}`;
  }

  #value(act: Act): Partial<Value> {
    const value = `v${++this.#shared.values}`;
    const on = this.#random.number() < 0.5;
    if (act === 'patch' || act === 'patchAt') return this.#random.number() < 0.5 ? { a: value } : { b: value, on };
    return act.startsWith('delete') ? {} : { a: value, b: `${value}b`, on };
  }

  async #write(act: Exclude<Act, 'get' | 'list'>): Promise<void> {
    const shared = this.#shared;
    const key = this.#key();
    const known = shared.revisions.get(key);
    const needsRevision = act === 'update' || act === 'patchAt' || act === 'deleteAt';
    if (needsRevision && known === undefined) return;
    const expected = needsRevision ? { expected: known! } : {};
    const kind = act === 'updateAny' ? 'update' : act === 'patchAt' ? 'patch' : act === 'deleteAt' ? 'delete' : act;
    const set = this.#value(act);
    const invoked = ++shared.now;
    const { code, object } = await this.#sent(kind, key, set, expected.expected);
    const write: WriteOperation = { kind, key, set, ...expected, invoked, answered: ++shared.now, code, compacted: shared.compacted() };
    if (code >= 300) write.reason = object?.reason ?? '';
    else if (kind === 'delete') write.uid = object.details?.uid ?? object.metadata?.uid;
    else {
      write.seen = versionOf(object);
      shared.knows(write.seen);
    }
    shared.history.operations.push(write);
  }

  #sent(kind: WriteOperation['kind'], key: string, set: Partial<Value>, expected: number | undefined): Promise<Answer> {
    const handler = this.#handler;
    const object = objectOf(key, set, expected);
    if (kind === 'create') return ask(handler, 'POST', pathOf(key.split('/')[0]!), object);
    if (kind === 'update') return ask(handler, 'PUT', pathOf(key), object);
    if (kind === 'apply') return ask(handler, 'PATCH', `${pathOf(key)}?fieldManager=proof&force=true`, object, PATCH_TYPES.apply);
    if (kind === 'patch') return ask(handler, 'PATCH', pathOf(key), object, PATCH_TYPES.patch);
    return ask(
      handler,
      'DELETE',
      pathOf(key),
      expected === undefined ? undefined : { preconditions: { resourceVersion: String(expected) } },
    );
  }

  /** The rule and the revision that goes with it. */
  #rule(rules: readonly Rule[]): { rule: Rule; asked: number; parameters: Record<string, string> } {
    const rule = this.#one(rules);
    const isFuture = this.#random.number() < FUTURE_SHARE;
    const asked = isFuture ? this.#shared.newest + FUTURE_REVISIONS : Math.max(1, this.#shared.newest - this.#below(60));
    if (rule === 'newest') return { rule, asked: 0, parameters: {} };
    if (rule === 'any') return { rule, asked: 0, parameters: { resourceVersion: '0' } };
    const resourceVersionMatch = rule === 'exact' ? 'Exact' : 'NotOlderThan';
    return { rule, asked, parameters: { resourceVersion: String(asked), resourceVersionMatch } };
  }

  async #get(): Promise<void> {
    const shared = this.#shared;
    const key = this.#key();
    const { rule, asked, parameters } = this.#rule(['newest', 'newest', 'any', 'notOlder']);
    const { resourceVersionMatch: _, ...own } = parameters;
    const invoked = ++shared.now;
    const { code, object } = await ask(this.#handler, 'GET', `${pathOf(key)}?${new URLSearchParams(own)}`);
    const get: GetOperation = { kind: 'get', key, rule, asked, invoked, answered: ++shared.now, code, compacted: shared.compacted() };
    if (code === 200) {
      get.seen = versionOf(object);
      shared.knows(get.seen);
    }
    shared.history.operations.push(get);
  }

  async #list(): Promise<void> {
    const shared = this.#shared;
    const selector = anySelector(this.#random, shared.namespaces);
    const { rule, asked, parameters } = this.#rule(['newest', 'newest', 'any', 'notOlder', 'exact']);
    const limit: Record<string, string> = this.#random.number() < 0.3 && rule !== 'notOlder' ? { limit: String(PAGE) } : {};
    const invoked = ++shared.now;
    const list: ListOperation = {
      kind: 'list',
      selector,
      rule,
      asked,
      invoked,
      answered: 0,
      code: 0,
      compacted: 0,
      revisions: [],
      items: [],
    };
    for (let next: Record<string, string> | undefined = { ...parameters, ...limit }; next; ) {
      const { code, object }: Answer = await ask(this.#handler, 'GET', listPath(selector, next));
      list.code = code;
      if (code !== 200) {
        list.reason = object?.reason ?? '';
        break;
      }
      list.revisions.push(Number(object.metadata.resourceVersion));
      list.items.push(...(object.items ?? []).map(versionOf));
      next = object.metadata.continue ? { ...limit, continue: object.metadata.continue } : undefined;
    }
    list.answered = ++shared.now;
    list.compacted = shared.compacted();
    shared.history.operations.push(list);
  }
}

function anySelector(random: Random, namespaces: readonly string[]): Selector {
  const one = <T>(all: readonly T[]): T => all[Math.floor(random.number() * all.length)]!;
  return one<() => Selector>([
    () => ({ namespace: '' }),
    () => ({ namespace: one(namespaces) }),
    () => ({ namespace: one(namespaces) }),
    () => ({ namespace: '', on: true }),
    () => ({ namespace: one(namespaces), on: true }),
    () => ({ namespace: one(namespaces), name: one(NAMES) }),
  ])();
}

/** Watches one selection, again and again: from where it was, or anew. */
async function watcher(handler: ApiHandler, shared: Shared, random: Random, isOver: () => boolean, running: Set<Watching>): Promise<void> {
  const { history, compacted } = shared;
  const selector = anySelector(random, shared.namespaces);
  let from: number | undefined;
  while (!isOver()) {
    const watching = await follow(handler, selector, from, 1 + Math.floor(random.number() * WATCH_SECONDS_MAX));
    const { watched } = watching;
    history.watches.push(watched);
    if (isOver()) watching.stop();
    running.add(watching);
    const enough = 1 + Math.floor(random.number() * WATCH_EVENTS_MAX);
    watching.onTold(() => {
      if (!isOver() && watched.told.length >= enough) watching.stop();
    });
    await watching.ended;
    running.delete(watching);
    if (watched.error !== undefined) watched.compacted = compacted();
    // Who was not answered stays where it was.
    if (watched.error !== UNANSWERED) from = watched.error !== undefined || random.number() < 0.2 ? undefined : reached(watched);
    // Somewhere in the past, which may be forgotten.
    if (random.number() < PAST_SHARE) from = history.start + Math.floor(random.number() * (shared.newest - history.start));
    if (from === undefined) await new Promise(setImmediate);
  }
}

/** Resolves when the watch has heard of the last write that concerns it; ends it. */
async function heardLast(watching: Watching, revisions: Record<string, number>, patienceMs: number): Promise<void> {
  const { watched } = watching;
  const { namespace, name } = watched.selector;
  const last = namespace === '' ? Math.max(...Object.values(revisions)) : revisions[namespace]!;
  const isThere = () => name !== undefined || (reached(watched) ?? 0) >= last;
  const heard = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), patienceMs);
    const look = () => {
      if (!isThere()) return;
      clearTimeout(timer);
      resolve(true);
    };
    watching.onTold(look);
    void watching.ended.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
    look();
  });
  if (!(await heard)) watched.problems.push(`it never told of revision ${last}`);
  watching.stop();
}

/** One more write in each namespace, which every watcher is to hear of; gives their revisions. */
async function writeLast(handler: ApiHandler, shared: Shared): Promise<Record<string, number>> {
  const revisions: Record<string, number> = {};
  for (const namespace of shared.namespaces) {
    const key = `${namespace}/${LAST}`;
    const set = { a: LAST, b: LAST, on: true };
    for (let attempt = 1; attempt <= LAST_ATTEMPTS_MAX && revisions[namespace] === undefined; attempt++) {
      const invoked = ++shared.now;
      const { code, object } = await ask(handler, 'POST', pathOf(namespace), objectOf(key, set));
      const answer = code < 300 ? { seen: versionOf(object) } : { reason: object.reason };
      if (answer.seen) revisions[namespace] = answer.seen.revision;
      shared.history.operations.push({ kind: 'create', key, set, invoked, answered: ++shared.now, code, compacted: 0, ...answer });
    }
  }
  return revisions;
}

/** Everything from the beginning to the end: by a watch, unless the place has another way. */
async function recording(handler: ApiHandler, { history }: Shared, place: WorkloadPlace | undefined) {
  if (!place) {
    const recorder = await follow(handler, { namespace: '' }, history.start, WATCH_ALL_SECONDS);
    history.watches.push(recorder.watched);
    return { end: (revisions: Record<string, number>, patienceMs: number) => heardLast(recorder, revisions, patienceMs) };
  }
  const watched: Watched = { selector: { namespace: '' }, from: history.start, initial: [], told: [], bookmarks: [], problems: [] };
  history.watches.push(watched);
  const end = async (revisions: Record<string, number>) => {
    for (const told of await place.recorded(history.start, Math.max(...Object.values(revisions)))) watched.told.push(told);
  };
  return { end };
}

/** Handlers are given to clients and watchers in turn. */
export async function historyOf(
  { handlers, compacted }: Pick<Running, 'handlers' | 'compacted'>,
  seed: number,
  size: WorkloadSize,
  place?: WorkloadPlace,
): Promise<History> {
  const random = seededRandom(seed);
  const own = () => seededRandom(Math.floor(random.number() * 2 ** 31));
  const handlerOf = (i: number) => handlers[i % handlers.length]!;
  const { object: before } = await ask(handlers[0]!, 'GET', listPath({ namespace: '' }, {}));
  const shared = new Shared(Number(before.metadata.resourceVersion), compacted, place?.namespaces ?? NAMESPACES);
  const recorder = await recording(handlers[0]!, shared, place);
  let left = place ? Number.POSITIVE_INFINITY : size.operations;
  void place?.until.then(() => {
    left = 0;
  });
  let over = false;
  const running = new Set<Watching>();
  const watchers = Array.from({ length: size.watchers }, (_, i) => watcher(handlerOf(i), shared, own(), () => over, running));
  const clients = Array.from({ length: size.clients }, async (_, i) => {
    const client = new Client(handlerOf(i), shared, own());
    while (left-- > 0) {
      await client.act();
      if (place) await delay(place.pauseMs);
    }
  });
  await Promise.all(clients);
  const revisions = await writeLast(handlers[0]!, shared);
  over = true;
  await Promise.all([
    recorder.end(revisions, size.patienceMs),
    ...Array.from(running, (watching) => heardLast(watching, revisions, size.patienceMs)),
  ]);
  await Promise.all(watchers);
  return shared.history;
}
