// Stores that break their word in one way each, for the checker to find.
import type { Store, StoredRecord, StoreEvent, StoreOperation, StoreResult } from '@tiphys/storage';

type Commit = (operation: StoreOperation) => Promise<StoreResult>;
type OnEvents = (events: readonly StoreEvent[]) => void;

interface Alterations {
  commit?(commit: Commit, store: Store): Commit;
  told?(tell: OnEvents): OnEvents;
}

export type StoreFault = (store: Store) => Store;

/** True for every nth call. */
export function every(n: number): () => boolean {
  let calls = 0;
  return () => ++calls % n === 0;
}

function altered(store: Store, { commit, told }: Alterations): Store {
  const plain: Commit = (operation) => store.commit(operation);
  return {
    get revision() {
      return store.revision;
    },
    get compactedRevision() {
      return store.compactedRevision;
    },
    isShared: store.isShared,
    endsRecords: store.endsRecords,
    fresh: () => store.fresh(),
    get: (key) => store.get(key),
    list: (prefix, options) => store.list(prefix, options),
    commit: commit ? commit(plain, store) : plain,
    commitAll: (operations, options) => store.commitAll(operations, options),
    watch: (prefix, after, onEvents, onLost) =>
      store.watch(prefix, after, told && prefix.includes('configmaps') ? told(onEvents) : onEvents, onLost),
    compact: (revision) => store.compact(revision),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

function unconditional(operation: StoreOperation): StoreOperation {
  const { expectedRevision: _, ...rest } = operation;
  return rest;
}

/** Alters every nth of the operations that it concerns. */
function committing(
  n: number,
  concerns: (operation: StoreOperation) => boolean,
  alter: (operation: StoreOperation, commit: Commit, store: Store) => Promise<StoreResult>,
): StoreFault {
  return (store) => {
    const isTurn = every(n);
    const commit =
      (plain: Commit, of: Store): Commit =>
      (operation) =>
        concerns(operation) && isTurn() ? alter(operation, plain, of) : plain(operation);
    return altered(store, { commit });
  };
}

/** Alters every nth of the events that it concerns. */
function telling(n: number, concerns: (event: StoreEvent) => boolean, alter: (event: StoreEvent) => StoreEvent[]): StoreFault {
  return (store) => {
    const isTurn = every(n);
    const told =
      (tell: OnEvents): OnEvents =>
      (events) => {
        const told = events.flatMap((event) => (concerns(event) && isTurn() ? alter(event) : [event]));
        if (told.length > 0) tell(told);
      };
    return altered(store, { told });
  };
}

const isPut = ({ type }: StoreOperation | StoreEvent) => type === 'put';
const isDelete = ({ type }: StoreOperation | StoreEvent) => type === 'delete';

function late(store: Store): Store {
  return altered(store, {
    told: (tell) => {
      let held: readonly StoreEvent[] = [];
      return (events) => {
        if (held.length > 0) tell(held);
        held = events;
      };
    },
  });
}

function swapped(store: Store): Store {
  const isTurn = every(15);
  return altered(store, {
    told: (tell) => {
      let held: StoreEvent | undefined;
      return (events) => {
        const all = held ? [events[0]!, held, ...events.slice(1)] : [...events];
        held = isTurn() ? all.pop() : undefined;
        if (all.length > 0) tell(all);
      };
    },
  });
}

const older = (store: Store): Store => {
  const isTurn = every(10);
  const last = new Map<string, Uint8Array>();
  const commit =
    (plain: Commit): Commit =>
    (operation) => {
      const before = last.get(operation.key);
      if (operation.type === 'put') last.set(operation.key, operation.value);
      return plain(operation.type === 'put' && before && isTurn() ? { ...operation, value: before } : operation);
    };
  return altered(store, { commit });
};

const notDone = async ({ key }: StoreOperation, _: Commit, store: Store): Promise<StoreResult> => {
  const previous: StoredRecord | undefined = await store.get(key);
  return { ok: true, revision: store.revision, ...(previous ? { previous } : {}) };
};

export const STORE_FAULTS: Readonly<Record<string, StoreFault>> = {
  'an expected revision is ignored': committing(
    3,
    ({ expectedRevision }) => expectedRevision !== undefined && expectedRevision > 0,
    (operation, commit) => commit(unconditional(operation)),
  ),
  'what must not exist is overwritten': committing(
    1,
    ({ expectedRevision }) => expectedRevision === 0,
    (operation, commit) => commit(unconditional(operation)),
  ),
  'a write is acknowledged and not done': committing(20, isPut, notDone),
  'a deletion is acknowledged and not done': committing(5, isDelete, notDone),
  'an acknowledged write has the next revision': committing(10, isPut, async (operation, commit) => {
    const result = await commit(operation);
    return result.ok ? { ...result, revision: result.revision + 1 } : result;
  }),
  'a write brings an older value back': older,
  'a write is done twice': committing(10, isPut, async (operation, commit) => {
    const result = await commit(operation);
    if (result.ok) await commit(unconditional(operation));
    return result;
  }),
  'the cache misses a change': telling(25, isPut, () => []),
  'the cache misses a deletion': telling(5, isDelete, () => []),
  'the cache hears of a change twice': telling(25, isPut, (event) => [event, event]),
  'the cache hears of changes in the wrong order': swapped,
  'the cache hears of changes too late': late,
  'the cache is given an older value': telling(
    10,
    ({ previous }) => previous !== undefined,
    (event) => [{ ...event, record: { ...event.record, value: event.previous!.value } }],
  ),
};
