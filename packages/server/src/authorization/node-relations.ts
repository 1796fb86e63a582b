// What a node needs to see because of the pods bound to it (plugin/pkg/auth/authorizer/node/graph.go). Upstream keeps a graph;
// here the pods are looked at when a node asks, which it does a few times for each pod it starts.
import { corev1, resourcev1, storagev1 } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';
import { isMirrorPod } from '../admission/attributes.ts';
import { podConfigMapNames, podSecretNames } from '../admission/pod-secrets.ts';

/** Pods of the namespace, or of all, that the node runs. Mirror pods lend no rights: the node wrote them itself. */
export function* podsOn(reader: ResourceReader, node: string, namespace?: string): Generator<corev1.Pod> {
  for (const pod of reader.list(corev1.pods, namespace)) if (pod.spec?.nodeName === node && !isMirrorPod(pod)) yield pod;
}

/** Claims a pod uses, by name; those made for the pod are named after it. */
export function claimNames(pod: corev1.Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim) return [volume.persistentVolumeClaim.claimName];
    return volume.ephemeral ? [`${pod.metadata!.name}-${volume.name}`] : [];
  });
}

function resourceClaimNames(pod: corev1.Pod): string[] {
  const named = (pod.spec?.resourceClaims ?? []).flatMap((claim) => claim.resourceClaimName ?? []);
  const generated = (pod.status?.resourceClaimStatuses ?? []).flatMap((claim) => claim.resourceClaimName ?? []);
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  return [...named, ...generated, ...(extended ? [extended] : [])];
}

function* volumesOn(reader: ResourceReader, node: string): Generator<corev1.PersistentVolume> {
  for (const pod of podsOn(reader, node)) {
    for (const name of claimNames(pod)) {
      const claim = reader.get(corev1.persistentvolumeclaims, name, pod.metadata!.namespace);
      const volume = claim?.spec?.volumeName ? reader.get(corev1.persistentvolumes, claim.spec.volumeName) : undefined;
      if (volume) yield volume;
    }
  }
}

/** Secrets that a volume's driver needs at the node. */
function volumeNeedsSecret({ spec }: corev1.PersistentVolume, namespace: string, name: string): boolean {
  const { csi } = spec ?? {};
  const others = [spec?.cephfs, spec?.flexVolume, spec?.rbd, spec?.scaleIO, spec?.iscsi, spec?.storageos, spec?.cinder];
  const references = [
    csi?.controllerPublishSecretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
    ...others.map((source) => source?.secretRef),
  ];
  const home = spec?.claimRef?.namespace;
  if (spec?.azureFile?.secretName === name) return (spec.azureFile.secretNamespace ?? home) === namespace;
  return references.some((reference) => reference?.name === name && (reference.namespace ?? home) === namespace);
}

/** How each kind is reached from a node's pods: by namespace and name. */
export type Relation = (reader: ResourceReader, node: string, namespace: string, name: string) => boolean;

const some = <T>(all: Iterable<T>, test: (each: T) => boolean): boolean => {
  for (const each of all) if (test(each)) return true;
  return false;
};

export const RELATIONS = {
  secret: (reader, node, namespace, name) =>
    some(podsOn(reader, node, namespace), (pod) => podSecretNames(pod).has(name)) ||
    some(volumesOn(reader, node), (volume) => volumeNeedsSecret(volume, namespace, name)),
  configMap: (reader, node, namespace, name) =>
    some(podsOn(reader, node, namespace), (pod) => podConfigMapNames(pod).has(name)) ||
    reader.get(corev1.nodes, node)?.spec?.configSource?.configMap?.name === name,
  claim: (reader, node, namespace, name) => some(podsOn(reader, node, namespace), (pod) => claimNames(pod).includes(name)),
  volume: (reader, node, _namespace, name) => some(volumesOn(reader, node), (volume) => volume.metadata!.name === name),
  attachment: (reader, node, _namespace, name) => reader.get(storagev1.volumeattachments, name)?.spec.nodeName === node,
  resourceClaim: (reader, node, namespace, name) => some(podsOn(reader, node, namespace), (pod) => resourceClaimNames(pod).includes(name)),
  resourceSlice: (reader, node, _namespace, name) => reader.get(resourcev1.resourceslices, name)?.spec.nodeName === node,
  serviceAccount: (reader, node, namespace, name) => some(podsOn(reader, node, namespace), (pod) => pod.spec?.serviceAccountName === name),
  pod: (reader, node, namespace, name) => reader.get(corev1.pods, name, namespace)?.spec?.nodeName === node,
} satisfies Record<string, Relation>;
