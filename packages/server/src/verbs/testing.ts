// For tests: a server in process on a virtual clock, and requests without ceremony.

import type { WatchEvent } from '@tiphys/api';
import type { ApiResponse, HttpMethod, Status } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { seededRandom, silentLogger, type VirtualClock, virtualClock } from '@tiphys/runtime';
import { memoryStore, type Store } from '@tiphys/storage';
import { type ApiServer, type ApiServerOptions, createApiServer } from '../api-server.ts';

export const ADMIN = { name: 'admin', groups: ['system:masters'] };

export interface TestServer {
  server: ApiServer;
  store: Store;
  clock: VirtualClock;
  /** The answer's object, whatever its status. */
  ask(method: HttpMethod, url: string, body?: object, headers?: Record<string, string>): Promise<any>;
  /** The same with status, headers and warnings. */
  answer(method: HttpMethod, url: string, body?: object, headers?: Record<string, string>): Promise<ApiResponse & { object: any }>;
  /** Follows a watch; the array grows as events come, as lines such as `ADDED a 5`. */
  watch(url: string): Promise<{ lines: string[]; events: WatchEvent[]; stop(): void; ended: () => boolean }>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const MERGE = { 'content-type': 'application/merge-patch+json' };
export const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
export const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };
export const APPLY = { 'content-type': 'application/apply-patch+yaml' };

export async function testServer(options: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const clock = virtualClock();
  const store = options.store ?? memoryStore();
  const runtime = { clock, random: seededRandom(7), log: silentLogger };
  const server = createApiServer({ runtime, store, definitions: builtinDefinitions(), ...options });
  await server.ready;
  const answer: TestServer['answer'] = async (method, url, body, headers = {}) => {
    const response = await server.handle({ method, url, headers, user: ADMIN, ...(body ? { body } : {}) });
    const object = response.body.kind === 'object' ? (response.body.object as object as Status) : undefined;
    return { ...response, body: response.body, object };
  };
  return {
    server,
    store,
    clock,
    answer,
    ask: async (...request) => (await answer(...request)).object,
    watch: async (url) => {
      const response = await server.handle({ method: 'GET', url, headers: {}, user: ADMIN });
      if (response.body.kind !== 'watch') throw new Error(JSON.stringify(response.body));
      const lines: string[] = [];
      const events: WatchEvent[] = [];
      let over = false;
      const stop = response.body.watch.subscribe(
        (batch) => {
          events.push(...batch);
          for (const { type, object } of batch) {
            const { name, resourceVersion, annotations } = object.metadata ?? {};
            const end = annotations?.['k8s.io/initial-events-end'] ? ' initial-events-end' : '';
            lines.push(
              type === 'ERROR' ? `ERROR ${(object as unknown as Status).message}` : `${type} ${name ?? '-'} ${resourceVersion}${end}`,
            );
          }
        },
        () => {
          over = true;
        },
      );
      return { lines, events, stop, ended: () => over };
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

export const configMap = (name: string, data: Record<string, string> = {}, labels?: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...(labels ? { labels } : {}) },
  data,
});
