// What every store must do, as a suite to run on each of them: storeSuite('memory', async () => memoryStore()).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RevisionError, type Store, type StoreEvent, type StoreOperation, type StoreResult } from './store.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (value: Uint8Array): string => Buffer.from(value).toString();
const put = (key: string, value: string, expectedRevision?: number): StoreOperation => ({
  type: 'put',
  key,
  value: bytes(value),
  ...(expectedRevision === undefined ? {} : { expectedRevision }),
});

const told = (event: StoreEvent) =>
  `${event.type} ${event.record.key}=${text(event.record.value)} was ${event.previous ? text(event.previous.value) : '-'}`;

/** A model that keeps every revision. */
class Model {
  states: Map<string, { value: string; modRevision: number }>[] = [];
  constructor(first: number) {
    this.states[first] = new Map();
  }
  get revision(): number {
    return this.states.length - 1;
  }
  apply(operation: StoreOperation): boolean {
    const now = this.states[this.revision]!;
    const current = now.get(operation.key);
    if (operation.expectedRevision !== undefined && operation.expectedRevision !== (current?.modRevision ?? 0)) return false;
    if (operation.type === 'delete' && !current) return false;
    const next = new Map(now);
    const modRevision = this.revision + 1;
    if (operation.type === 'put') next.set(operation.key, { value: text(operation.value), modRevision });
    else next.delete(operation.key);
    this.states.push(next);
    return true;
  }
  list(prefix: string, revision: number): string[] {
    return [...this.states[revision]!]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, { value, modRevision }]) => `${key}=${value}@${modRevision}`);
  }
}

const keyArbitrary = fc.constantFrom(
  '/registry/r/pods/a/1',
  '/registry/r/pods/a/2',
  '/registry/r/pods/b/1',
  '/registry/r/nodes/1',
  '/registry/r/podsets/x',
);
const operationArbitrary = fc.oneof(
  fc.record({ type: fc.constant('put' as const), key: keyArbitrary, value: fc.string({ maxLength: 3 }).map(bytes) }),
  fc.record({
    type: fc.constant('put' as const),
    key: keyArbitrary,
    value: fc.string({ maxLength: 3 }).map(bytes),
    expectedRevision: fc.nat(8),
  }),
  fc.record({ type: fc.constant('delete' as const), key: keyArbitrary }),
  fc.record({ type: fc.constant('delete' as const), key: keyArbitrary, expectedRevision: fc.nat(8) }),
);

type WithStore = (what: string, run: (store: Store) => Promise<void>) => void;

function acknowledged(withStore: WithStore): void {
  withStore('a write is seen by get, list and watch, and only then acknowledged', async (store) => {
    const seen: string[] = [];
    store.watch('/registry/r/', store.revision, (events) => seen.push(...events.map(told)));
    const result = await store.commit(put('/registry/r/a', 'x', 0));
    assert.deepEqual(seen, ['put /registry/r/a=x was -']);
    assert.ok(result.ok && result.revision === store.revision);
    assert.equal(text((await store.get('/registry/r/a'))!.value), 'x');
    assert.equal((await store.list('/registry/r/')).records.length, 1);
  });
}

function ordered(withStore: WithStore): void {
  withStore('expectations are decided in the order of the calls', async (store) => {
    const results = await Promise.all([
      store.commit(put('/registry/r/a', '1', 0)),
      store.commit(put('/registry/r/a', '2', 0)),
      store.commit(put('/registry/r/a', '3')),
    ]);
    assert.deepEqual(
      results.map((result) => result.ok),
      [true, false, true],
    );
    const refused = results[1]!;
    assert.equal(!refused.ok && text(refused.current!.value), '1');
    const third = results[2]!;
    assert.equal(third.ok && text(third.previous!.value), '1');
    assert.deepEqual(await store.commit({ type: 'delete', key: '/registry/r/none' }), { ok: false });
  });
}

function paged(withStore: WithStore): void {
  withStore('pages tell how much is left', async (store) => {
    for (const key of ['/registry/r/b', '/registry/r/a', '/registry/s/x', '/registry/r/c']) await store.commit(put(key, key));
    const first = await store.list('/registry/r/', { limit: 2 });
    assert.deepEqual([first.records.map((r) => r.key), first.more, first.remaining], [['/registry/r/a', '/registry/r/b'], true, 1]);
    const rest = await store.list('/registry/r/', { after: '/registry/r/b', limit: 2, revision: first.revision });
    assert.deepEqual([rest.records.map((r) => r.key), rest.more, rest.remaining], [['/registry/r/c'], false, 0]);
  });
}

function compacted(withStore: WithStore): void {
  withStore('compaction forgets the past and keeps the present', async (store) => {
    await store.commit(put('/registry/r/a', '1'));
    const early = store.revision;
    await store.commit(put('/registry/r/a', '2'));
    await store.compact(store.revision);
    assert.equal(store.compactedRevision, store.revision);
    await assert.rejects(
      store.list('/registry/r/', { revision: early }),
      (error) => error instanceof RevisionError && error.kind === 'compacted',
    );
    await assert.rejects(
      store.list('/registry/r/', { revision: store.revision + 1 }),
      (error) => error instanceof RevisionError && error.kind === 'future',
    );
    assert.throws(() => store.watch('/registry/r/', early, () => {}), RevisionError);
    assert.equal(text((await store.get('/registry/r/a'))!.value), '2');
  });
}

function stopped(withStore: WithStore): void {
  withStore('a stopped watch hears nothing more', async (store) => {
    let count = 0;
    const watch = store.watch('/registry/r/', store.revision, (events) => {
      count += events.length;
    });
    await store.commit(put('/registry/r/a', '1'));
    watch.stop();
    await store.commit(put('/registry/r/a', '2'));
    assert.equal(count, 1);
  });
}

function contended(withStore: WithStore): void {
  withStore('of many who expect the same, one succeeds, and each has a revision of its own', async (store) => {
    const first = await Promise.all(Array.from({ length: 50 }, (_, i) => store.commit(put('/registry/r/a', `${i}`, 0))));
    assert.equal(first.filter((result) => result.ok).length, 1);
    const before = (await store.get('/registry/r/a'))!.modRevision;
    const second = await Promise.all(
      Array.from({ length: 50 }, (_, i) => store.commit({ type: 'delete', key: '/registry/r/a', expectedRevision: before - (i % 2) })),
    );
    assert.equal(second.filter((result) => result.ok).length, 1);
    const others = await Promise.all(Array.from({ length: 50 }, (_, i) => store.commit(put(`/registry/r/${i}`, '', 0))));
    assert.equal(new Set(others.map((result) => result.ok && result.revision)).size, 50);
    await store.fresh();
    assert.equal((await store.list('/registry/r/')).records.length, 50);
  });
}

function continuous(withStore: WithStore): void {
  withStore('a watch from a revision of the past goes on into the present without a gap', async (store) => {
    const start = store.revision;
    for (let i = 0; i < 3; i++) await store.commit(put('/registry/r/a', `${i}`));
    const seen: number[] = [];
    store.watch('/registry/r/', start + 1, (events) => seen.push(...events.map((event) => event.record.modRevision)));
    await Promise.all([store.commit(put('/registry/r/a', '3')), store.commit(put('/registry/r/a', '4'))]);
    assert.deepEqual(seen, [start + 2, start + 3, start + 4, start + 5]);
  });
}

function large(withStore: WithStore): void {
  withStore('a large value and an empty one come back as they were', async (store) => {
    const value = Buffer.alloc(1_000_000, 'x');
    await store.commit({ type: 'put', key: '/registry/r/large', value });
    await store.commit({ type: 'put', key: '/registry/r/none', value: new Uint8Array() });
    const { records } = await store.list('/registry/r/');
    assert.deepEqual(
      records.map((record) => record.value.length),
      [value.length, 0],
    );
    assert.ok(value.equals(records[0]!.value));
  });
}

function manyAtOnce(withStore: WithStore): void {
  withStore('many operations are carried out in their order, whatever is there', async (store) => {
    await store.commit(put('/registry/r/0', 'old'));
    const before = store.revision;
    const seen: string[] = [];
    store.watch('/registry/r/', before, (events) => seen.push(...events.map((event) => `${event.type} ${event.record.key}`)));
    const puts = Array.from({ length: 250 }, (_, i) => put(`/registry/r/${i}`, 'new'));
    await store.commitAll([...puts, { type: 'delete', key: '/registry/r/7' }]);
    assert.deepEqual(seen, [...puts.map(({ key }) => `put ${key}`), 'delete /registry/r/7']);
    assert.ok(store.revision > before);
    assert.equal((await store.list('/registry/r/')).records.length, 249);
  });
}

function agreesWithModel(name: string, make: () => Promise<Store>, { skip = false, runs = 60, order = 'store' }: SuiteOptions): void {
  const commitAll = async (store: Store, batch: readonly StoreOperation[]): Promise<StoreResult[]> => {
    if (order === 'store') return Promise.all(batch.map((operation) => store.commit(operation)));
    const results: StoreResult[] = [];
    for (const operation of batch) results.push(await store.commit(operation));
    return results;
  };
  test(`${name}: agrees with a model that keeps every revision`, { skip }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(operationArbitrary, { minLength: 1, maxLength: 5 }), { maxLength: 12 }),
        fc.nat(),
        async (batches, seed) => {
          await using store = await make();
          const model = new Model(store.revision);
          const first = store.revision;
          const live: string[] = [];
          store.watch('/registry/r/pods/', first, (events) => live.push(...events.map(told)));
          for (const batch of batches) {
            const results = await commitAll(store, batch);
            assert.deepEqual(
              results.map((result) => result.ok),
              batch.map((operation) => model.apply(operation)),
            );
          }
          assert.equal(store.revision, model.revision);
          for (let revision = first; revision <= model.revision; revision++) {
            const { records } = await store.list('/registry/r/pods', { revision });
            assert.deepEqual(
              records.map((r) => `${r.key}=${text(r.value)}@${r.modRevision}`),
              model.list('/registry/r/pods', revision),
            );
          }
          const from = first + (seed % (model.revision - first + 1));
          const replayed: string[] = [];
          store.watch('/registry/r/pods/', from, (events) => replayed.push(...events.map(told)));
          assert.deepEqual(replayed, replayed.length === 0 ? [] : live.slice(-replayed.length));
          const all: string[] = [];
          store.watch('/registry/r/pods/', first, (events) => all.push(...events.map(told)));
          assert.deepEqual(all, live);
        },
      ),
      { numRuns: runs },
    );
  });
}

export interface SuiteOptions {
  /** Why the store can't be tried here. */
  skip?: string | false;
  runs?: number;
  /** Which operations are decided in the order of the calls: all, or those on one key. */
  order?: 'store' | 'key';
}

export function storeSuite(name: string, make: () => Promise<Store>, options: SuiteOptions = {}): void {
  const withStore: WithStore = (what, run) => {
    test(`${name}: ${what}`, { skip: options.skip ?? false }, async () => {
      await using store = await make();
      await run(store);
    });
  };
  for (const behaviour of [acknowledged, ordered, paged, compacted, stopped, contended, continuous, large, manyAtOnce])
    behaviour(withStore);
  agreesWithModel(name, make, options);
}
