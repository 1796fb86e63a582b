// Names and numbers of a StatefulSet's pods and claims (pkg/controller/statefulset/stateful_set_utils.go).
import { appsv1, type corev1 } from '@tiphys/api';
import { REVISION_HASH_LABEL } from '../history/revisions.ts';
import type { Pod } from '../pods/pod-state.ts';
import { podFromTemplate } from '../pods/pod-writes.ts';
import { labelsOf, nameOf, namespaceOf } from '../runtime/objects.ts';

export type StatefulSet = appsv1.StatefulSet;

const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index';
const POD_NAME = /^(.*)-([0-9]+)$/s;
const INT32_MAX = 2 ** 31 - 1;

/** The set's name and the ordinal that a pod's name says; -1 when it says none. */
export function parentAndOrdinal(pod: Pod): { parent: string; ordinal: number } {
  const match = POD_NAME.exec(nameOf(pod));
  if (!match) return { parent: '', ordinal: -1 };
  const ordinal = Number(match[2]);
  return { parent: match[1]!, ordinal: ordinal <= INT32_MAX ? ordinal : -1 };
}

export const ordinalOf = (pod: Pod): number => parentAndOrdinal(pod).ordinal;
export const startOrdinal = (set: StatefulSet): number => set.spec?.ordinals?.start ?? 0;
export const replicasOf = (set: StatefulSet): number => set.spec?.replicas ?? 1;
export const isMember = (set: StatefulSet, pod: Pod): boolean => parentAndOrdinal(pod).parent === nameOf(set);

export function inRange(set: StatefulSet, pod: Pod): boolean {
  const ordinal = ordinalOf(pod);
  return ordinal >= startOrdinal(set) && ordinal < startOrdinal(set) + replicasOf(set);
}

export const claimName = (set: StatefulSet, template: corev1.PersistentVolumeClaim, ordinal: number): string =>
  `${nameOf(template)}-${nameOf(set)}-${ordinal}`;

export const revisionOf = (pod: Pod): string => labelsOf(pod)[REVISION_HASH_LABEL] ?? '';

export function identityMatches(set: StatefulSet, pod: Pod): boolean {
  const { parent, ordinal } = parentAndOrdinal(pod);
  return (
    ordinal >= 0 &&
    parent === nameOf(set) &&
    nameOf(pod) === `${nameOf(set)}-${ordinal}` &&
    namespaceOf(pod) === namespaceOf(set) &&
    labelsOf(pod)[POD_NAME_LABEL] === nameOf(pod)
  );
}

/** The pod's volumes are the claims of the set's templates. */
export function storageMatches(set: StatefulSet, pod: Pod): boolean {
  const ordinal = ordinalOf(pod);
  const volumes = new Map(pod.spec?.volumes?.map((volume) => [volume.name, volume]));
  return (
    ordinal >= 0 &&
    (set.spec?.volumeClaimTemplates ?? []).every(
      (template) => volumes.get(nameOf(template))?.persistentVolumeClaim?.claimName === claimName(set, template, ordinal),
    )
  );
}

/** The pod with the labels and volumes that its place in the set asks for. */
export function withIdentity(set: StatefulSet, pod: Pod, ordinal: number): Pod {
  const name = `${nameOf(set)}-${ordinal}`;
  const templates = set.spec?.volumeClaimTemplates ?? [];
  const claims = templates.map((template) => ({
    name: nameOf(template),
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }));
  const names = new Set(claims.map((claim) => claim.name));
  const volumes = [...claims, ...(pod.spec?.volumes ?? []).filter((volume) => !names.has(volume.name))];
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      name,
      namespace: namespaceOf(set),
      labels: { ...labelsOf(pod), [POD_NAME_LABEL]: name, [POD_INDEX_LABEL]: String(ordinal) },
    },
    spec: { ...pod.spec!, ...(volumes.length > 0 ? { volumes } : {}) },
  };
}

export function newPod(set: StatefulSet, template: corev1.PodTemplateSpec, revision: string, ordinal: number): Pod {
  const pod = withIdentity(set, podFromTemplate(appsv1.statefulsets, set, template), ordinal);
  const { generateName: _, ...metadata } = pod.metadata!;
  return {
    ...pod,
    metadata: { ...metadata, labels: { ...metadata.labels, [REVISION_HASH_LABEL]: revision } },
    spec: { ...pod.spec!, hostname: metadata.name!, subdomain: set.spec?.serviceName ?? '' },
  };
}
