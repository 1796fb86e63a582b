// Small questions about objects and their owners (apimachinery meta/v1/controller_ref.go).
import { apiVersionOf, type KubeObject, type OwnerReference, type ResourceType } from '@tiphys/api';
import { invariant } from '@tiphys/std';

export const nameOf = (object: KubeObject): string => object.metadata?.name ?? '';
export const namespaceOf = (object: KubeObject): string => object.metadata?.namespace ?? '';
export const uidOf = (object: KubeObject): string => object.metadata?.uid ?? '';
export const labelsOf = (object: KubeObject): Readonly<Record<string, string>> => object.metadata?.labels ?? {};
export const annotationsOf = (object: KubeObject): Readonly<Record<string, string>> => object.metadata?.annotations ?? {};
export const isDeleting = (object: KubeObject): boolean => object.metadata?.deletionTimestamp !== undefined;

/** `namespace/name`; cluster-wide objects have an empty namespace. */
export const keyOf = (object: KubeObject): string => `${namespaceOf(object)}/${nameOf(object)}`;

export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  invariant(slash >= 0, `a key has the form namespace/name, not ${key}`);
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((reference) => reference.controller === true);
}

export const isControlledBy = (object: KubeObject, owner: KubeObject): boolean => controllerOf(object)?.uid === uidOf(owner);

/** The reference that makes `owner` the controller (NewControllerRef). */
export function controllerReference(type: ResourceType, owner: KubeObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    name: nameOf(owner),
    uid: uidOf(owner),
    controller: true,
    blockOwnerDeletion: true,
  };
}

export const sameType = (a: ResourceType, b: ResourceType): boolean =>
  a.group === b.group && a.version === b.version && a.resource === b.resource;

/** Milliseconds of an RFC 3339 text; 0 when there is none. */
export const timeMs = (text: string | undefined): number => (text === undefined ? 0 : Date.parse(text));
