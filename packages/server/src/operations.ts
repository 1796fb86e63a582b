// Writes that a rule makes besides its own object: straight to the store, past rules and admission.
import { type KubeObject, type ResourceType, timeText } from '@tiphys/api';
import { type Status, statusError } from '@tiphys/machinery';
import type { DeleteOptions, ObjectOperations } from '@tiphys/registry';
import { invariant } from '@tiphys/std';
import type { PlainObject } from './cache/entry.ts';
import { rangeRecords } from './ranges.ts';
import type { Core } from './request/context.ts';
import type { Endpoint, Resources } from './resources.ts';
import { entryOf } from './verbs/get.ts';
import { OPTIMISTIC_LOCK, put } from './verbs/write.ts';

/** Tries of one update against others who write the same object. */
export const OPERATION_ATTEMPTS_MAX = 16;

export type Deletion = (endpoint: Endpoint, name: string, namespace: string, options: DeleteOptions) => Promise<KubeObject | Status>;

export function objectOperations(resources: Resources, core: () => Core, deletion: Deletion): ObjectOperations {
  const endpointOf = (type: ResourceType): Endpoint => {
    const endpoint = resources.find(type.group, type.version, type.resource);
    invariant(endpoint, `a rule writes ${type.resource} of group ${type.group}, which is not served`);
    return endpoint;
  };
  const get = <T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string) => {
    const endpoint = endpointOf(type);
    return endpoint.object(entryOf(endpoint, name, namespace ?? '')) as unknown as T;
  };
  return {
    get: async (type, name, namespace) => get(type, name, namespace),
    create: async <T extends KubeObject>(type: ResourceType<T>, object: T) => {
      const endpoint = endpointOf(type);
      const { clock, random } = core().runtime;
      const created = {
        ...object,
        kind: type.kind,
        apiVersion: endpoint.apiVersion,
        metadata: { ...object.metadata, uid: random.uuid(), creationTimestamp: timeText(clock.now()) },
      } as unknown as PlainObject;
      const { name, namespace } = created.metadata!;
      const entry = await put(core(), endpoint, endpoint.keyOf(name!, namespace), created, 0);
      if (!entry) throw statusError.alreadyExists(type, name!);
      return endpoint.object(entry) as unknown as T;
    },
    update: async <T extends KubeObject>(
      type: ResourceType<T>,
      name: string,
      namespace: string | undefined,
      change: (current: T) => T | undefined,
    ) => {
      const endpoint = endpointOf(type);
      for (let attempt = 0; attempt < OPERATION_ATTEMPTS_MAX; attempt++) {
        const current = entryOf(endpoint, name, namespace ?? '');
        const object = endpoint.object(current) as unknown as T;
        const changed = change(object);
        if (changed === undefined) return object;
        const entry = await put(core(), endpoint, current.key, changed as unknown as PlainObject, current.revision);
        if (entry) return endpoint.object(entry) as unknown as T;
      }
      throw statusError.conflict(type, name, OPTIMISTIC_LOCK);
    },
    updateRange: rangeRecords(core),
    delete: (type, name, namespace, options) => deletion(endpointOf(type), name, namespace ?? '', options ?? {}),
  };
}
