// Keeps a cache in step with the server: list, then watch from the revision of the list, for ever. Five states as in
// kube-rs's watcher (runtime/src/watcher.rs); the rules for 410 and back-off follow client-go tools/cache/reflector.go.
import type { KubeObject } from '@tiphys/api';
import { StatusError } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import { backoff } from './backoff.ts';
import type { InformerOptions, ResourceClient } from './client.ts';
import { errorFromStatus } from './requests.ts';

export const REFLECTOR_BACKOFF = { initialMs: 200, maximumMs: 30_000, factor: 2, jitter: 1 } as const;
/** A page of the first list. */
export const REFLECTOR_PAGE_MAX = 5_000;
/** Servers end watches by chance between this and twice this. */
export const WATCH_TIMEOUT_SECONDS = 300;

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export interface ReflectorSink<T> {
  /** Everything there is at the revision. */
  replace(objects: readonly T[], revision: string): void;
  put(object: T): void;
  remove(object: T): void;
  /** Nothing older than this is still to come. Called after each batch of events. */
  progress(revision: string): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  resource: ResourceClient<T>;
  selection: InformerOptions;
  sink: ReflectorSink<T>;
  runtime: Runtime;
  /** For log lines, such as `pods`. */
  name: string;
  signal: AbortSignal;
  /** Stream the first state as watch events instead of listing it (KEP-3157). */
  watchList?: boolean;
}

type State<T> =
  | { at: 'empty' }
  | { at: 'listing'; objects: readonly T[]; next: string | undefined }
  | { at: 'streaming' }
  | { at: 'listed'; revision: string }
  | { at: 'watching'; revision: string };

const expired = (error: unknown) => error instanceof StatusError && (error.code === 410 || error.reason === 'Expired');
/** The server has not seen that revision yet, or refuses the streamed list: start from a plain list. */
const relistNeeded = (error: unknown) =>
  expired(error) || (error instanceof StatusError && (error.code === 504 || error.code === 422 || error.code === 400));

async function listPage<T extends KubeObject>(options: ReflectorOptions<T>, objects: readonly T[], next?: string): Promise<State<T>> {
  const page = await options.resource.list({ ...options.selection, limit: REFLECTOR_PAGE_MAX, ...(next ? { continue: next } : {}) });
  const all = objects.length === 0 ? page.items : [...objects, ...page.items];
  if (page.metadata.continue) return { at: 'listing', objects: all, next: page.metadata.continue };
  const revision = page.metadata.resourceVersion ?? '';
  options.sink.replace(all, revision);
  return { at: 'listed', revision };
}

const watchTimeout = (runtime: Runtime) => Math.floor(WATCH_TIMEOUT_SECONDS * (1 + runtime.random.number()));

async function streamList<T extends KubeObject>(options: ReflectorOptions<T>): Promise<State<T>> {
  const { signal, runtime } = options;
  const known = new Map<string, T>();
  const watch = { sendInitialEvents: true, allowWatchBookmarks: true, timeoutSeconds: watchTimeout(runtime), signal };
  for await (const batch of options.resource.watch({ ...options.selection, ...watch })) {
    for (const { type, object } of batch) {
      const key = `${object.metadata?.namespace ?? ''}/${object.metadata?.name}`;
      if (type === 'ERROR') throw errorFromStatus(object);
      else if (type === 'DELETED') known.delete(key);
      else if (type !== 'BOOKMARK') known.set(key, object);
      else if (object.metadata?.annotations?.[INITIAL_EVENTS_END] === 'true') {
        const revision = object.metadata.resourceVersion ?? '';
        options.sink.replace([...known.values()], revision);
        return { at: 'listed', revision };
      }
    }
  }
  return { at: 'empty' };
}

async function follow<T extends KubeObject>(options: ReflectorOptions<T>, from: string, seen: (revision: string) => void): Promise<void> {
  const { sink, signal, runtime } = options;
  const watch = { resourceVersion: from, allowWatchBookmarks: true, timeoutSeconds: watchTimeout(runtime), signal };
  for await (const batch of options.resource.watch({ ...options.selection, ...watch })) {
    let last: string | undefined;
    for (const { type, object } of batch) {
      if (type === 'ERROR') {
        if (last) seen(last);
        throw errorFromStatus(object);
      }
      if (type === 'ADDED' || type === 'MODIFIED') sink.put(object);
      else if (type === 'DELETED') sink.remove(object);
      last = object.metadata?.resourceVersion ?? last;
    }
    if (last) seen(last);
  }
}

/** Runs until the signal aborts. Never rejects. */
export async function runReflector<T extends KubeObject>(options: ReflectorOptions<T>): Promise<void> {
  const { runtime, signal, sink } = options;
  const log = runtime.log.named('reflector');
  const delays = backoff(REFLECTOR_BACKOFF, runtime.random);
  let state: State<T> = { at: 'empty' };
  let watchList = options.watchList ?? false;
  const pause = () => runtime.clock.sleep(delays.nextMs(), signal).catch(() => undefined);
  while (!signal.aborted) {
    try {
      if (state.at === 'empty') state = watchList ? { at: 'streaming' } : { at: 'listing', objects: [], next: undefined };
      else if (state.at === 'listing') state = await listPage(options, state.objects, state.next);
      else if (state.at === 'streaming') state = await streamList(options);
      else if (state.at === 'listed') state = { at: 'watching', revision: state.revision };
      else {
        const watching: { at: 'watching'; revision: string } = state;
        let progressed = false;
        await follow(options, watching.revision, (revision) => {
          watching.revision = revision;
          progressed = true;
          delays.reset();
          sink.progress(revision);
        });
        if (!progressed && !signal.aborted) await pause();
      }
    } catch (error) {
      if (signal.aborted) return;
      log.debug(`list or watch of ${options.name} failed`, { state: state.at, error: String(error) });
      if (state.at === 'streaming' && relistNeeded(error)) watchList = false;
      if (state.at !== 'watching' || relistNeeded(error)) state = { at: 'empty' };
      if (!expired(error)) await pause();
    }
  }
}
