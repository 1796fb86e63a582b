// Volumes of pods on disk that have outgrown their limit (pkg/kubelet/eviction emptyDirLimitEviction).
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type corev1, parseQuantity } from '@tiphys/api';

const run = promisify(execFile);

/** Bytes that a folder takes on its disk, without other file systems mounted below. */
async function bytesIn(directory: string): Promise<number> {
  const { stdout } = await run('du', ['-sxB1', directory]);
  return Number.parseInt(stdout, 10);
}

/** Why the pod has to go, or undefined. `podDirectory` holds its volumes. */
export async function outgrownVolume(pod: corev1.Pod, podDirectory: string): Promise<string | undefined> {
  for (const { name, emptyDir } of pod.spec!.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    // The kernel itself holds volumes in memory to their size.
    if (limit === undefined || emptyDir?.medium === 'Memory' || parseQuantity(limit).asNumber() <= 0) continue;
    // A file that vanishes while they are counted makes du fail: the next look will tell.
    const used = await bytesIn(join(podDirectory, 'volumes', 'kubernetes.io~empty-dir', name)).catch(() => 0);
    if (used > parseQuantity(limit).asNumber()) return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
  }
  return undefined;
}
