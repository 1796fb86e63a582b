export type {
  Client,
  DeleteOptions,
  Informer,
  InformerHandlers,
  InformerOptions,
  ListOptions,
  PatchType,
  ResourceClient,
  WatchOptions,
  WriteOptions,
} from './client.ts';
