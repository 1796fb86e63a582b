import type { EtcdStore, EtcdStoreOptions } from './etcd/etcd-store.ts';

export { endpointProblem } from './etcd/endpoint.ts';
export { QUEUED_OPERATIONS_MAX } from './local-store.ts';
export { memoryStore } from './memory-store.ts';
export { HISTORY_BYTES_MAX, HISTORY_EVENTS_MAX } from './mvcc.ts';
export { StoreFileError, sqliteStore } from './sqlite-store.ts';
export {
  type ListResult,
  type OnLost,
  RevisionError,
  type Store,
  type StoredRecord,
  type StoreEvent,
  type StoreOperation,
  type StoreResult,
  type StoreWatch,
  UncertainWrite,
} from './store.ts';
export { type EtcdPlace, type EtcdProcess, skipWithoutEtcd, startEtcd } from './testing/etcd-process.ts';
export type { EtcdStore, EtcdStoreOptions };

/** Connects and loads everything; what it takes is loaded only when somebody wants it. See openEtcdStore for how it fails. */
export async function etcdStore(options: EtcdStoreOptions): Promise<EtcdStore> {
  const { openEtcdStore } = await import('./etcd/etcd-store.ts');
  return openEtcdStore(options);
}
