export {
  type ListResult,
  RevisionError,
  type Store,
  type StoredRecord,
  type StoreEvent,
  type StoreOperation,
  type StoreResult,
} from './store.ts';
