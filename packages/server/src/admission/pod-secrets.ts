// The objects a pod names (pkg/api/v1/pod/util.go: VisitPodSecretNames, VisitPodConfigmapNames).
import type { corev1 } from '@tiphys/api';
import { containersOf } from './attributes.ts';

/** Volume sources whose secretRef names a secret of the pod's namespace. */
const SECRET_REF_SOURCES = ['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos'] as const;

export function podSecretNames(pod: corev1.Pod): Set<string> {
  const names = new Set<string>();
  const add = (name: string | undefined) => {
    if (name) names.add(name);
  };
  const spec = pod.spec;
  if (!spec) return names;
  for (const { name } of spec.imagePullSecrets ?? []) add(name);
  for (const { container } of containersOf(spec)) {
    for (const { secretRef } of container.envFrom ?? []) add(secretRef?.name);
    for (const { valueFrom } of container.env ?? []) add(valueFrom?.secretKeyRef?.name);
  }
  for (const volume of spec.volumes ?? []) {
    add(volume.secret?.secretName);
    add(volume.azureFile?.secretName);
    add(volume.csi?.nodePublishSecretRef?.name);
    for (const source of volume.projected?.sources ?? []) add(source.secret?.name);
    for (const kind of SECRET_REF_SOURCES) add((volume[kind] as { secretRef?: { name?: string } } | undefined)?.secretRef?.name);
  }
  return names;
}

export function podConfigMapNames(pod: corev1.Pod): Set<string> {
  const names = new Set<string>();
  const add = (name: string | undefined) => {
    if (name) names.add(name);
  };
  const spec = pod.spec;
  if (!spec) return names;
  for (const { container } of containersOf(spec)) {
    for (const { configMapRef } of container.envFrom ?? []) add(configMapRef?.name);
    for (const { valueFrom } of container.env ?? []) add(valueFrom?.configMapKeyRef?.name);
  }
  for (const volume of spec.volumes ?? []) {
    add(volume.configMap?.name);
    for (const source of volume.projected?.sources ?? []) add(source.configMap?.name);
  }
  return names;
}
