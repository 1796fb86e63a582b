// What plugins ask of a request (apiserver admission/errors.go and the checks most plugins begin with).
import { type corev1, type KubeObject, nameIsPathSegment } from '@tiphys/api';
import { type StatusError, statusError } from '@tiphys/machinery';
import type { AdmissionAttributes } from '../interfaces.ts';

/** The name refusals speak of: a name not generated yet is told by its prefix. */
function nameOf({ name, object }: AdmissionAttributes): string {
  return name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown';
}

/** 403 `pods "web" is forbidden: why`. */
export function forbidden(attributes: AdmissionAttributes, why: string): StatusError {
  return statusError.forbidden(attributes.type, nameOf(attributes), why);
}

/** What upstream's client says of a name that fits no path: a plugin that looks for a missing object asks by a client. */
export function unfitForClients(name: string): string | undefined {
  if (name === '') return 'resource name may not be empty';
  const faults = nameIsPathSegment(name, false);
  return faults.length > 0 ? `invalid resource name ${JSON.stringify(name)}: [${faults.join(' ')}]` : undefined;
}

export const isResource = (attributes: AdmissionAttributes, group: string, resource: string): boolean =>
  attributes.type.group === group && attributes.type.resource === resource;

/** The pod of a request for pods themselves, not for a subresource. */
export function podOf(attributes: AdmissionAttributes, ...operations: readonly AdmissionAttributes['operation'][]): corev1.Pod | undefined {
  if (!isResource(attributes, '', 'pods') || attributes.subresource !== '' || !operations.includes(attributes.operation)) return undefined;
  return attributes.object as corev1.Pod | undefined;
}

export const MIRROR_POD_ANNOTATION = 'kubernetes.io/config.mirror';

export const isMirrorPod = (pod: KubeObject): boolean => pod.metadata?.annotations?.[MIRROR_POD_ANNOTATION] !== undefined;

/** Containers of all three kinds with the field they stand in. */
export function* containersOf(spec: corev1.PodSpec): Generator<{ container: corev1.Container; field: string }> {
  const lists = { initContainers: spec.initContainers, containers: spec.containers, ephemeralContainers: spec.ephemeralContainers };
  for (const [list, containers] of Object.entries(lists)) {
    for (const [i, container] of (containers ?? []).entries())
      yield { container: container as corev1.Container, field: `spec.${list}[${i}]` };
  }
}
