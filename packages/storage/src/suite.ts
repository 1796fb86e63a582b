// What every store must do, as a suite to run on each of them: storeSuite('memory', async () => memoryStore()).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RevisionError, type Store, type StoreEvent, type StoreOperation } from './store.ts';

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

const keyArbitrary = fc.constantFrom('/r/pods/a/1', '/r/pods/a/2', '/r/pods/b/1', '/r/nodes/1', '/r/podsets/x');
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
    store.watch('/r/', store.revision, (events) => seen.push(...events.map(told)));
    const result = await store.commit(put('/r/a', 'x', 0));
    assert.deepEqual(seen, ['put /r/a=x was -']);
    assert.ok(result.ok && result.revision === store.revision);
    assert.equal(text((await store.get('/r/a'))!.value), 'x');
    assert.equal((await store.list('/r/')).records.length, 1);
  });
}

function ordered(withStore: WithStore): void {
  withStore('expectations are decided in the order of the calls', async (store) => {
    const results = await Promise.all([
      store.commit(put('/r/a', '1', 0)),
      store.commit(put('/r/a', '2', 0)),
      store.commit(put('/r/a', '3')),
    ]);
    assert.deepEqual(
      results.map((result) => result.ok),
      [true, false, true],
    );
    const refused = results[1]!;
    assert.equal(!refused.ok && text(refused.current!.value), '1');
    const third = results[2]!;
    assert.equal(third.ok && text(third.previous!.value), '1');
    assert.deepEqual(await store.commit({ type: 'delete', key: '/r/none' }), { ok: false });
  });
}

function paged(withStore: WithStore): void {
  withStore('pages tell how much is left', async (store) => {
    for (const key of ['/r/b', '/r/a', '/s/x', '/r/c']) await store.commit(put(key, key));
    const first = await store.list('/r/', { limit: 2 });
    assert.deepEqual([first.records.map((r) => r.key), first.more, first.remaining], [['/r/a', '/r/b'], true, 1]);
    const rest = await store.list('/r/', { after: '/r/b', limit: 2, revision: first.revision });
    assert.deepEqual([rest.records.map((r) => r.key), rest.more, rest.remaining], [['/r/c'], false, 0]);
  });
}

function compacted(withStore: WithStore): void {
  withStore('compaction forgets the past and keeps the present', async (store) => {
    await store.commit(put('/r/a', '1'));
    const early = store.revision;
    await store.commit(put('/r/a', '2'));
    await store.compact(store.revision);
    assert.equal(store.compactedRevision, store.revision);
    await assert.rejects(store.list('/r/', { revision: early }), (error) => error instanceof RevisionError && error.kind === 'compacted');
    await assert.rejects(
      store.list('/r/', { revision: store.revision + 1 }),
      (error) => error instanceof RevisionError && error.kind === 'future',
    );
    assert.throws(() => store.watch('/r/', early, () => {}), RevisionError);
    assert.equal(text((await store.get('/r/a'))!.value), '2');
  });
}

function stopped(withStore: WithStore): void {
  withStore('a stopped watch hears nothing more', async (store) => {
    let count = 0;
    const watch = store.watch('/r/', store.revision, (events) => {
      count += events.length;
    });
    await store.commit(put('/r/a', '1'));
    watch.stop();
    await store.commit(put('/r/a', '2'));
    assert.equal(count, 1);
  });
}

function agreesWithModel(name: string, make: () => Promise<Store>): void {
  test(`${name}: agrees with a model that keeps every revision`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(operationArbitrary, { minLength: 1, maxLength: 5 }), { maxLength: 12 }),
        fc.nat(),
        async (batches, seed) => {
          await using store = await make();
          const model = new Model(store.revision);
          const first = store.revision;
          const live: string[] = [];
          store.watch('/r/pods/', first, (events) => live.push(...events.map(told)));
          for (const batch of batches) {
            const results = await Promise.all(batch.map((operation) => store.commit(operation)));
            assert.deepEqual(
              results.map((result) => result.ok),
              batch.map((operation) => model.apply(operation)),
            );
          }
          assert.equal(store.revision, model.revision);
          for (let revision = first; revision <= model.revision; revision++) {
            const { records } = await store.list('/r/pods', { revision });
            assert.deepEqual(
              records.map((r) => `${r.key}=${text(r.value)}@${r.modRevision}`),
              model.list('/r/pods', revision),
            );
          }
          const from = first + (seed % (model.revision - first + 1));
          const replayed: string[] = [];
          store.watch('/r/pods/', from, (events) => replayed.push(...events.map(told)));
          assert.deepEqual(replayed, replayed.length === 0 ? [] : live.slice(-replayed.length));
          const all: string[] = [];
          store.watch('/r/pods/', first, (events) => all.push(...events.map(told)));
          assert.deepEqual(all, live);
        },
      ),
      { numRuns: 60 },
    );
  });
}

export function storeSuite(name: string, make: () => Promise<Store>): void {
  const withStore: WithStore = (what, run) => {
    test(`${name}: ${what}`, async () => {
      await using store = await make();
      await run(store);
    });
  };
  for (const behaviour of [acknowledged, ordered, paged, compacted, stopped]) behaviour(withStore);
  agreesWithModel(name, make);
}
