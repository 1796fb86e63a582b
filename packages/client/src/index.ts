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
  referenceTo,
} from './events/recorder.ts';
export { type SeriesExtra, type SeriesRecorder, type SeriesRecorderOptions, seriesRecorder } from './events/series-recorder.ts';
export * from './kubeconfig/index.ts';
export { type LeaderElection, type LeaderElectionOptions, leaderElection } from './leader-election.ts';
export { errorFromStatus } from './requests.ts';
export * from './transport/index.ts';
export { type WaitOptions, WaitTimeout, waitFor, waitForAll } from './wait.ts';
export { type Leadership, type LeadershipOptions, type Part, whileLeading } from './while-leading.ts';
