// The informers that all controllers share, with the index of controllers, as a snapshot.
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { Client, Informer } from '@tiphys/client';
import { type OwnershipReader, orphanKey } from './claims.ts';
import type { Index } from './controller.ts';
import { controllerOf, namespaceOf } from './objects.ts';

const CONTROLLER_INDEX = 'controller';

const controllerKeys = (object: KubeObject) => {
  const owner = controllerOf(object);
  return [owner ? owner.uid : orphanKey(namespaceOf(object))];
};

const typeKey = (type: ResourceType) => `${type.group}/${type.version}/${type.resource}`;

export interface Caches extends OwnershipReader {
  use<T extends KubeObject>(type: ResourceType<T>): Informer<T>;
  addIndex(index: Index): void;
  /** Resolves when the caches of these are filled. */
  synced(types: readonly ResourceType[]): Promise<void>;
}

export function informerCaches(client: Client): Caches {
  const informers = new Map<string, Informer<any>>();
  const use = <T extends KubeObject>(type: ResourceType<T>): Informer<T> => {
    const key = typeKey(type);
    const known = informers.get(key);
    if (known) return known;
    const informer = client.informer(type);
    informer.index(CONTROLLER_INDEX, controllerKeys);
    informers.set(key, informer);
    return informer;
  };
  return {
    use,
    addIndex: (index) => use(index.type).index(index.name, index.keysOf),
    synced: async (types) => {
      await Promise.all(types.map((type) => use(type).synced()));
    },
    get: (type, name, namespace = '') => use(type).get(name, namespace),
    list: (type, namespace) => use(type).list(namespace),
    controlledBy: (type, uid) => use(type).byIndex(CONTROLLER_INDEX, uid),
    orphans: (type, namespace) => use(type).byIndex(CONTROLLER_INDEX, orphanKey(namespace)),
    byIndex: (type, index, key) => use(type).byIndex(index, key),
  };
}
