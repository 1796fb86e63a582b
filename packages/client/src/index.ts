export { apiClient, type ClientOptions, inProcessClient, userInfo } from './api-client.ts';
export { type Backoff, type BackoffOptions, backoff } from './backoff.ts';
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
export {
  type EventExtra,
  type EventRecorder,
  type EventRecorderOptions,
  type EventType,
  eventRecorder,
  microTimeText,
  referenceTo,
  timeText,
} from './events/recorder.ts';
export * from './kubeconfig/index.ts';
export { errorFromStatus } from './requests.ts';
export * from './transport/index.ts';
