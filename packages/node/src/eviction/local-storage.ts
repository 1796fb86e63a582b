// Pods that have outgrown a limit of their own for the disk (eviction_manager.go localStorageEviction). Pure.
import { type corev1, parseQuantity, Quantity } from '@tiphys/api';
import { podLimits } from '@tiphys/machinery';

/** Bytes on the disk. */
export interface DiskUse {
  /** By name; only volumes that lie on the disk. */
  volumes: ReadonlyMap<string, number>;
  /** Written layer and logs, by container. */
  containers: ReadonlyMap<string, number>;
  /** Whatever else the node keeps for the pod. */
  otherBytes: number;
}

const DISK = 'ephemeral-storage';
const bytesOf = (text: string | undefined) => (text === undefined ? 0 : parseQuantity(text).asNumber());

/** Volumes that have a limit which the kernel doesn't hold them to. */
const limitedVolumes = ({ spec }: corev1.Pod) =>
  (spec!.volumes ?? []).flatMap(({ name, emptyDir }) =>
    emptyDir?.sizeLimit !== undefined && emptyDir.medium !== 'Memory' && bytesOf(emptyDir.sizeLimit) > 0
      ? [{ name, limit: emptyDir.sizeLimit }]
      : [],
  );

/** Measuring costs: pods without any limit are left alone. */
export const hasDiskLimit = (pod: corev1.Pod): boolean => limitedVolumes(pod).length > 0 || podLimits(pod).has(DISK);

const sum = (amounts: Iterable<number>) => [...amounts].reduce((total, amount) => total + amount, 0);

/** Why the pod has to go, if it does. */
export function outgrownLimit(pod: corev1.Pod, use: DiskUse): string | undefined {
  for (const { name, limit } of limitedVolumes(pod)) {
    if ((use.volumes.get(name) ?? 0) > bytesOf(limit)) return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
  }
  const whole = podLimits(pod).get(DISK);
  if (whole !== undefined && sum(use.volumes.values()) + sum(use.containers.values()) + use.otherBytes > whole) {
    const format = parseQuantity(pod.spec!.containers.map(({ resources }) => resources?.limits?.[DISK]).find(Boolean) ?? '0').format;
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${Quantity.of(whole, format)}. `;
  }
  for (const { name, resources } of pod.spec!.containers) {
    const limit = resources?.limits?.[DISK];
    if (limit !== undefined && bytesOf(limit) > 0 && (use.containers.get(name) ?? 0) > bytesOf(limit)) {
      return `Container ${name} exceeded its local ephemeral storage limit "${limit}". `;
    }
  }
  return undefined;
}
