// The server's caches as rules and admission read them.
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';
import type { Resources } from './resources.ts';

export function cacheReader(resources: Resources): ResourceReader {
  const endpointOf = (type: ResourceType) => resources.find(type.group, type.version, type.resource);
  return {
    revisionOf: (type) => endpointOf(type)?.cache.changedAt ?? 0,
    get: <T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string) => {
      const endpoint = endpointOf(type);
      const entry = endpoint?.cache.get(endpoint.keyOf(name, namespace));
      return entry ? (endpoint!.object(entry) as unknown as T) : undefined;
    },
    list: <T extends KubeObject>(type: ResourceType<T>, namespace?: string) => {
      const endpoint = endpointOf(type);
      if (!endpoint) return [];
      const prefix = type.namespaced && namespace ? `${namespace}/` : '';
      return Array.from(endpoint.cache.range(prefix), ([, entry]) => endpoint.object(entry) as unknown as T);
    },
  };
}
