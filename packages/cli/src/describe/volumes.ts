// Volumes in a description: the kinds that people meet; others by their own fields.
import type { corev1 } from '@tiphys/api';
import type { Writer } from './writer.ts';

type Field = [string, unknown];

function projectedFields(sources: readonly corev1.VolumeProjection[] | null | undefined): Field[] {
  return (sources ?? []).flatMap((source): Field[] => {
    if (source.secret)
      return [
        ['SecretName', source.secret.name],
        ['Optional', source.secret.optional ?? false],
      ];
    if (source.downwardAPI) return [['DownwardAPI', true]];
    if (source.configMap)
      return [
        ['ConfigMapName', source.configMap.name],
        ['Optional', source.configMap.optional ?? false],
      ];
    if (source.serviceAccountToken) return [['TokenExpirationSeconds', source.serviceAccountToken.expirationSeconds]];
    return [];
  });
}

function fieldsOf(volume: corev1.Volume): Field[] {
  const { hostPath, emptyDir, secret, configMap, persistentVolumeClaim: claim, projected, nfs, csi } = volume;
  if (hostPath)
    return [
      ['Type', 'HostPath (bare host directory volume)'],
      ['Path', hostPath.path],
      ['HostPathType', hostPath.type ?? '<none>'],
    ];
  if (emptyDir)
    return [
      ['Type', "EmptyDir (a temporary directory that shares a pod's lifetime)"],
      ['Medium', emptyDir.medium ?? ''],
      ['SizeLimit', emptyDir.sizeLimit ?? '<unset>'],
    ];
  if (secret)
    return [
      ['Type', 'Secret (a volume populated by a Secret)'],
      ['SecretName', secret.secretName ?? ''],
      ['Optional', secret.optional ?? false],
    ];
  if (configMap)
    return [
      ['Type', 'ConfigMap (a volume populated by a ConfigMap)'],
      ['Name', configMap.name ?? ''],
      ['Optional', configMap.optional ?? false],
    ];
  if (claim)
    return [
      ['Type', 'PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)'],
      ['ClaimName', claim.claimName],
      ['ReadOnly', claim.readOnly ?? false],
    ];
  if (projected)
    return [['Type', 'Projected (a volume that contains injected data from multiple sources)'], ...projectedFields(projected.sources)];
  if (nfs)
    return [
      ['Type', 'NFS (an NFS mount that lasts the lifetime of a pod)'],
      ['Server', nfs.server],
      ['Path', nfs.path],
      ['ReadOnly', nfs.readOnly ?? false],
    ];
  if (csi)
    return [
      ['Type', 'CSI (a Container Storage Interface (CSI) volume source)'],
      ['Driver', csi.driver],
      ['FSType', csi.fsType ?? ''],
      ['ReadOnly', csi.readOnly ?? false],
    ];
  if (volume.image) {
    const { reference = '', pullPolicy = '' } = volume.image;
    return [
      ['Type', 'Image (a container image or OCI artifact)'],
      ['Reference', reference],
      ['PullPolicy', pullPolicy],
    ];
  }
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? '';
  return [
    ['Type', kind],
    ...Object.entries((volume as unknown as Record<string, object>)[kind] ?? {}).filter(([, value]) => typeof value !== 'object'),
  ];
}

export function writeVolumes(w: Writer, volumes: readonly corev1.Volume[] | undefined, space = ''): void {
  if (!volumes || volumes.length === 0) {
    w.raw(`${space}Volumes:\t<none>\n`);
    return;
  }
  w.raw(`${space}Volumes:\n`);
  for (const volume of volumes) {
    w.line(1, `${space ? ' ' : ''}${volume.name}:`);
    if (volume.downwardAPI) {
      w.line(2, 'Type:\tDownwardAPI (a volume populated by information about the pod)');
      w.line(2, 'Items:');
      for (const { path, fieldRef, resourceFieldRef } of volume.downwardAPI.items ?? [])
        w.line(3, `${fieldRef?.fieldPath ?? resourceFieldRef?.resource} -> ${path}`);
    } else for (const [name, value] of fieldsOf(volume)) w.line(2, `${name}:\t${value}`);
  }
}
