// Reads the files that a container's environment comes from (kubelet_pods.go makeEnvironmentVariables, KEP-3721).
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { corev1 } from '@tiphys/api';
import type { EnvFile } from '../container/environment.ts';
import { openPath, openWithin } from '../volumes/safe-path.ts';
import type { MountedVolume } from '../volumes/volume-manager.ts';

/** A file of variables has no business to be larger. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

async function textOf(volumePath: string, path: string): Promise<string | undefined> {
  try {
    await using place = await openWithin(volumePath, path);
    const facts = await place.stat();
    if (!facts.isFile() || facts.size > FILE_BYTES_MAX) return undefined;
    await using file = await open(openPath(place));
    return await file.readFile('utf8');
  } catch {
    return undefined;
  }
}

/** Answers for every file that the container's variables name. */
export async function readEnvFiles(
  container: corev1.Container,
  volumes: ReadonlyMap<string, MountedVolume>,
): Promise<(volume: string, path: string) => EnvFile | undefined> {
  const files = new Map<string, EnvFile>();
  for (const { valueFrom } of container.env ?? []) {
    const { volumeName, path } = valueFrom?.fileKeyRef ?? {};
    const volume = volumeName === undefined ? undefined : volumes.get(volumeName);
    if (!volume || path === undefined) continue;
    const text = await textOf(volume.path, path);
    files.set(`${volumeName}/${path}`, { path: join(volume.path, path), ...(text === undefined ? {} : { text }) });
  }
  return (volume, path) => files.get(`${volume}/${path}`);
}
