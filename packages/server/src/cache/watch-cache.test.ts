import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore, RevisionError, type Store } from '@tiphys/storage';
import { encodeStored, type PlainObject } from './entry.ts';
import { WatchCache } from './watch-cache.ts';

const PREFIX = '/registry/things/';
const thing = (name: string, color: string): PlainObject =>
  ({ kind: 'Thing', apiVersion: 'v1', metadata: { name, namespace: 'n', labels: { color } } }) as PlainObject;

/** A store that servers before this one have written to; the last of the revisions is its present. */
async function written() {
  const store = memoryStore();
  const put = (name: string, color: string) =>
    store.commit({ type: 'put', key: `${PREFIX}n/${name}`, value: encodeStored(thing(name, color)) });
  const start = store.revision;
  await put('a', 'red');
  await put('b', 'red');
  await put('a', 'blue');
  await store.commit({ type: 'delete', key: `${PREFIX}n/b` });
  await store.commit({ type: 'put', key: '/registry/others/n/x', value: encodeStored(thing('x', 'red')) });
  return { store, start, put };
}

const after = (cache: WatchCache, revision: number) =>
  cache.changesAfter(revision).map(({ revision, event: { type, entry } }) => `${revision} ${type} ${entry.key}`);

test('a watch may start where the store’s may, also before this cache was there', async () => {
  const { store, start, put } = await written();
  const cache = new WatchCache(store, PREFIX);
  await cache.start();
  const told = ['1 ADDED n/a', '2 ADDED n/b', '3 MODIFIED n/a', '4 DELETED n/b'].map((text) =>
    text.replace(/^\d/, (n) => `${start + Number(n)}`),
  );
  for (let i = 0; i <= told.length; i++) assert.deepEqual(after(cache, start + i), told.slice(i));
  assert.deepEqual(
    Array.from(cache.past('', start + 2).range(''), ([key]) => key),
    ['n/a', 'n/b'],
  );
  assert.deepEqual(
    Array.from(cache.range(''), ([key]) => key),
    ['n/a'],
  );
  await put('a', 'green');
  assert.deepEqual(after(cache, start + 4), [`${store.revision} MODIFIED n/a`]);
});

test('nothing is told of what the store has forgotten', async () => {
  const { store, start } = await written();
  await store.compact(start + 2);
  const cache = new WatchCache(store, PREFIX);
  await cache.start();
  assert.throws(() => cache.changesAfter(start + 1), RevisionError);
  assert.equal(after(cache, start + 2).length, 2);
});

test('a store that forgets while it is read is read again, and one that tells later is waited for', async () => {
  const { store, start } = await written();
  let lists = 0;
  const slow: Store = Object.create(store, {
    compactedRevision: { get: () => store.compactedRevision },
    revision: { get: () => store.revision },
    list: {
      value: async (...asked: Parameters<Store['list']>) => {
        const list = await store.list(...asked);
        if (lists++ === 1) await store.compact(start + 1);
        return list;
      },
    },
    watch: {
      value: (prefix: string, revision: number, onEvents: Parameters<Store['watch']>[2]) => {
        const told = Promise.withResolvers<void>();
        const { stop } = store.watch(prefix, revision, (events) => {
          setImmediate(() => {
            onEvents(events);
            told.resolve();
          });
        });
        return { stop, told: told.promise };
      },
    },
  });
  const cache = new WatchCache(slow, PREFIX);
  await cache.start();
  assert.equal(lists, 4);
  assert.equal(cache.oldest, start + 1);
  assert.equal(after(cache, start + 1).length, 3);
});
