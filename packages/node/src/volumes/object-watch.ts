// ConfigMaps and Secrets that pods of this node refer to, each followed by its own watch while a pod needs it
// (pkg/kubelet/util/manager watch_based_manager.go): a node sees no others.
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { isNotFound } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';

const RETRY_MS = 1000;

interface Entry<T> {
  object: T | undefined;
  users: Set<string>;
  stop: AbortController;
  known: Promise<void>;
}

export interface ObjectWatch<T> {
  /** Follows the objects for a user and lets go of those that the user had before. Resolves when all are known. */
  follow(user: string, namespace: string, names: ReadonlySet<string>): Promise<void>;
  get(namespace: string, name: string): T | undefined;
  /** Asks the server again when the object was not there. */
  refresh(namespace: string, name: string): Promise<void>;
  release(user: string): void;
  close(): void;
}

export interface ObjectWatchOptions<T extends KubeObject> {
  client: Client;
  runtime: Runtime;
  type: ResourceType<T>;
  /** Users whose object changed. */
  onChange: (users: ReadonlySet<string>) => void;
}

/** Follows one object until stopped: `put` gets each state, `known` is called when the first one is there or can't be had. */
async function followOne<T extends KubeObject>(
  { client, runtime, type }: ObjectWatchOptions<T>,
  { namespace, name }: { namespace: string; name: string },
  signal: AbortSignal,
  put: (object: T | undefined) => void,
  known: () => void,
): Promise<void> {
  const resource = client.of(type);
  const selection = { namespace, fieldSelector: `metadata.name=${name}` };
  while (!signal.aborted) {
    try {
      const list = await resource.list(selection);
      put(list.items[0]);
      known();
      const from = { resourceVersion: list.metadata.resourceVersion ?? '' };
      for await (const batch of resource.watch({ ...selection, ...from, signal })) {
        for (const event of batch) {
          if (event.type === 'DELETED') put(undefined);
          else if (event.type === 'ADDED' || event.type === 'MODIFIED') put(event.object);
        }
      }
    } catch (error) {
      if (!signal.aborted) runtime.log.debug('watching an object of a pod failed', { namespace, name, error: String(error) });
    }
    known();
    await runtime.clock.sleep(RETRY_MS, signal).catch(() => {});
  }
}

export function objectWatch<T extends KubeObject>(options: ObjectWatchOptions<T>): ObjectWatch<T> {
  const resource = options.client.of(options.type);
  const entries = new Map<string, Entry<T>>();

  const get = async (namespace: string, name: string) => {
    try {
      return await resource.get(name, namespace);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  const start = (namespace: string, name: string): Entry<T> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const entry: Entry<T> = { object: undefined, users: new Set(), stop: new AbortController(), known: promise };
    const put = (object: T | undefined) => {
      if (entry.object?.metadata?.resourceVersion === object?.metadata?.resourceVersion) return;
      entry.object = object;
      options.onChange(entry.users);
    };
    void followOne(options, { namespace, name }, entry.stop.signal, put, resolve);
    return entry;
  };
  const leave = (user: string, kept: ReadonlySet<string>) => {
    for (const [key, entry] of entries) {
      if (kept.has(key) || !entry.users.delete(user) || entry.users.size > 0) continue;
      entry.stop.abort();
      entries.delete(key);
    }
  };
  return {
    follow: async (user, namespace, names) => {
      const keys = new Set([...names].map((name) => `${namespace}/${name}`));
      leave(user, keys);
      for (const name of names) {
        const key = `${namespace}/${name}`;
        const entry = entries.get(key) ?? start(namespace, name);
        entries.set(key, entry);
        entry.users.add(user);
        await entry.known;
      }
    },
    get: (namespace, name) => entries.get(`${namespace}/${name}`)?.object,
    refresh: async (namespace, name) => {
      const entry = entries.get(`${namespace}/${name}`);
      if (entry && !entry.object) entry.object = await get(namespace, name);
    },
    release: (user) => leave(user, new Set()),
    close: () => {
      for (const entry of entries.values()) entry.stop.abort();
      entries.clear();
    },
  };
}
