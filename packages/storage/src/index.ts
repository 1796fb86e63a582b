export { QUEUED_OPERATIONS_MAX } from './local-store.ts';
export { memoryStore } from './memory-store.ts';
export { HISTORY_BYTES_MAX, HISTORY_EVENTS_MAX } from './mvcc.ts';
export { StoreFileError, sqliteStore } from './sqlite-store.ts';
export {
  type ListResult,
  RevisionError,
  type Store,
  type StoredRecord,
  type StoreEvent,
  type StoreOperation,
  type StoreResult,
} from './store.ts';
