// A reader over objects given as a list, for tests of the stages that only read.
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';

export interface ListReader extends ResourceReader {
  put(...objects: KubeObject[]): void;
  remove(kind: string, name: string, namespace?: string): void;
}

/** Objects are found by kind. Every change counts as one of every type. */
export function readerOf(...objects: KubeObject[]): ListReader {
  let revision = 1;
  const all = new Map<string, KubeObject>();
  const keyOf = (kind: string, namespace: string | undefined, name: string) => `${kind}\n${namespace ?? ''}\n${name}`;
  const put = (...added: KubeObject[]) => {
    for (const object of added) all.set(keyOf(object.kind!, object.metadata?.namespace, object.metadata!.name!), object);
    revision++;
  };
  put(...objects);
  return {
    put,
    remove(kind, name, namespace) {
      all.delete(keyOf(kind, namespace, name));
      revision++;
    },
    get: <T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string) =>
      all.get(keyOf(type.kind, type.namespaced ? namespace : undefined, name)) as T | undefined,
    list: <T extends KubeObject>(type: ResourceType<T>, namespace?: string) =>
      [...all.values()].filter(
        (object) => object.kind === type.kind && (namespace === undefined || object.metadata?.namespace === namespace),
      ) as T[],
    revisionOf: () => revision,
  };
}
