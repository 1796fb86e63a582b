// Pods made from a template and deleted again, with upstream's events (pkg/controller/controller_utils.go, RealPodControl).
import { corev1, type KubeObject, type ResourceType } from '@tiphys/api';
import { StatusError } from '@tiphys/machinery';
import { type EventText, remove, type Write } from '../runtime/actions.ts';
import { controllerReference, nameOf, namespaceOf } from '../runtime/objects.ts';
import type { Pod } from './pod-state.ts';

const SUBDOMAIN_PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*-?$/;
const NAME_MAX = 253;

/** `web-` for pods of `web`, or the plain name when the dash would break the rule for names. */
export function podPrefix(owner: string): string {
  const prefix = `${owner}-`;
  return prefix.length <= NAME_MAX && SUBDOMAIN_PREFIX.test(prefix) ? prefix : owner;
}

export function podFromTemplate(type: ResourceType, owner: KubeObject, template: corev1.PodTemplateSpec | undefined): Pod {
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: namespaceOf(owner),
      generateName: podPrefix(nameOf(owner)),
      labels: { ...labels },
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerReference(type, owner)],
    },
    spec: template?.spec as corev1.PodSpec,
  };
}

export const namespaceTerminating = (error: unknown): boolean =>
  error instanceof StatusError && (error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false);

const failedCreate = (error: Error): EventText | undefined =>
  namespaceTerminating(error) ? undefined : { type: 'Warning', reason: 'FailedCreate', message: `Error creating: ${error.message}` };

const created = (pod: KubeObject): EventText => ({ type: 'Normal', reason: 'SuccessfulCreate', message: `Created pod: ${nameOf(pod)}` });

export function createPod(pod: Pod, because: string): Write {
  return { do: 'create', type: corev1.pods, object: pod, because, whenDone: created, whenFailed: failedCreate };
}

export function deletePod(pod: Pod, because: string): Write {
  return remove(corev1.pods, pod, because, {
    // The uid keeps a pod of the same name that took its place.
    options: { preconditions: { uid: pod.metadata?.uid ?? '' } },
    whenDone: () => ({ type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${nameOf(pod)}` }),
    whenFailed: (error) => ({ type: 'Warning', reason: 'FailedDelete', message: `Error deleting: ${error.message}` }),
  });
}
