import type { KubeObject } from './object.ts';

/**
 * Names a resource on the wire and carries its object type. The generated modules export one constant per built-in
 * resource (`corev1.pods`, `appsv1.deployments`); for custom resources use resourceType().
 */
export interface ResourceType<T extends KubeObject = KubeObject> {
  /** '' for the core group. */
  group: string;
  version: string;
  /** Plural lower-case name, as in URLs. */
  resource: string;
  kind: string;
  namespaced: boolean;
  /** Never set; it only carries T for inference. */
  __object?: T;
}

export function resourceType<T extends KubeObject = KubeObject>(
  group: string,
  version: string,
  resource: string,
  kind: string,
  namespaced = true,
): ResourceType<T> {
  return { group, version, resource, kind, namespaced };
}

/** `v1` for the core group, else `group/version`. */
export function apiVersionOf(type: { group: string; version: string }): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/** `pods` for the core group, else `deployments.apps`: upstream's GroupResource string. */
export function groupResource(type: { group: string; resource: string }): string {
  return type.group === '' ? type.resource : `${type.resource}.${type.group}`;
}

/** The URL path of a collection, or of one object when a name is given. */
export function pathOf(type: ResourceType, namespace?: string, name?: string, subresource?: string): string {
  let path = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  if (type.namespaced && namespace) path += `/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${type.resource}`;
  if (name !== undefined) path += `/${encodeURIComponent(name)}`;
  if (subresource) path += `/${subresource}`;
  return path;
}
