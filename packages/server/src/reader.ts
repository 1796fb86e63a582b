// The server's caches as rules and admission read them.
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';
import type { Entry } from './cache/entry.ts';
import type { Endpoint, Resources } from './resources.ts';

/** What a webhook would have to convert is read as it is stored. */
const viewOf = (endpoint: Endpoint, entry: Entry) => (endpoint.asksToConvert ? entry.object : endpoint.object(entry));

export function cacheReader(resources: Resources): ResourceReader {
  const endpointOf = (type: ResourceType) => resources.find(type.group, type.version, type.resource);
  return {
    revisionOf: (type) => endpointOf(type)?.cache.changedAt ?? 0,
    get: <T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string) => {
      const endpoint = endpointOf(type);
      const entry = endpoint?.cache.get(endpoint.keyOf(name, namespace));
      return entry ? (viewOf(endpoint!, entry) as unknown as T) : undefined;
    },
    list: <T extends KubeObject>(type: ResourceType<T>, namespace?: string) => {
      const endpoint = endpointOf(type);
      const found: T[] = [];
      // Most lists that a write asks for are of what a cluster has none of.
      if (!endpoint || endpoint.cache.size === 0) return found;
      const prefix = type.namespaced && namespace ? `${namespace}/` : '';
      for (const [, entry] of endpoint.cache.range(prefix)) found.push(viewOf(endpoint, entry) as unknown as T);
      return found;
    },
  };
}
