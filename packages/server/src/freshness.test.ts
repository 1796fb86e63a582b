import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { memoryStore, type Store, type StoreEvent, type StoreOperation } from '@tiphys/storage';
import { createApiServer } from './api-server.ts';

const MAPS = '/api/v1/namespaces/a/configmaps';

/** One server's view of a store on which others write: it hears of their writes when it asks, or with its next own. */
function lagging() {
  const store = memoryStore();
  let held: (() => void)[] = [];
  const hear = () => {
    const all = held;
    held = [];
    for (const tell of all) tell();
  };
  const view: Store = Object.create(store, {
    isShared: { value: true },
    revision: { get: () => store.revision },
    compactedRevision: { get: () => store.compactedRevision },
    list: { value: store.list.bind(store) },
    fresh: { value: async () => hear() },
    commit: {
      value: async (operation: StoreOperation) => {
        const result = await store.commit(operation);
        hear();
        return result;
      },
    },
    watch: {
      value: (prefix: string, revision: number, onEvents: (events: readonly StoreEvent[]) => void) =>
        store.watch(prefix, revision, (events) => void held.push(() => onEvents(events))),
    },
  });
  return { store, view };
}

test('what another server has deleted can be created at once, and what it has created can not', async () => {
  const { store, view } = lagging();
  const server = createApiServer({ runtime: realRuntime(), store: view, definitions: builtinDefinitions() });
  await server.ready;
  const create = async (name: string, url = MAPS) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    return (await server.handle({ method: 'POST', url, headers, body: { metadata: { name } } })).status;
  };
  // Creates in a namespace that is known do not wait to hear of others.
  assert.equal(await create('a', '/api/v1/namespaces'), 201);
  const key = (name: string) => `/registry/configmaps/a/${name}`;
  assert.equal(await create('x'), 201);
  assert.equal(await create('x'), 409);
  const { value } = (await store.get(key('x')))!;
  await store.commit({ type: 'delete', key: key('x') });
  assert.equal(await create('x'), 201);
  await store.commit({ type: 'put', key: key('y'), value });
  assert.equal(await create('y'), 409);
  await server.close();
});
