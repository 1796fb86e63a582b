// Which container of which pod on which node a request means, with upstream's sentences (pkg/registry/core/pod/strategy.go).
import { corev1 } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';

export function podOf(reader: ResourceReader, namespace: string, name: string): corev1.Pod {
  const pod = reader.get(corev1.pods, name, namespace);
  if (!pod) throw statusError.notFound({ group: '', resource: 'pods' }, name);
  return pod;
}

const containerNames = (pod: corev1.Pod) =>
  [pod.spec?.initContainers, pod.spec?.containers, pod.spec?.ephemeralContainers].flatMap((list) => (list ?? []).map(({ name }) => name));

/** The container asked for, or the only one. Throws BadRequest. */
export function containerOf(pod: corev1.Pod, asked: string): string {
  const name = pod.metadata?.name;
  if (asked !== '') {
    if (!containerNames(pod).includes(asked)) throw statusError.badRequest(`container ${asked} is not valid for pod ${name}`);
    return asked;
  }
  const [only, ...others] = pod.spec?.containers ?? [];
  if (!only) throw statusError.badRequest(`a container name must be specified for pod ${name}`);
  if (others.length > 0) {
    throw statusError.badRequest(`a container name must be specified for pod ${name}, choose one of: [${containerNames(pod).join(' ')}]`);
  }
  return only.name;
}

export const path = (...segments: string[]) => segments.map((segment) => `/${encodeURIComponent(segment)}`).join('');
