// The part of a volume that a mount names by subPath (pkg/volume/util/subpath): made when missing, never outside the volume, and
// bound to a place of the pod's own, which later changes in the volume can't move.
import { type FileHandle, lstat, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { ConfigurationError } from '../container/environment.ts';
import { bindMount, mountsBelow, unmount } from './mounts.ts';
import { makeWithin, openPath, openWithin } from './safe-path.ts';

export interface SubPath {
  volumePath: string;
  subPath: string;
  podDirectory: string;
  volume: string;
  container: string;
  /** Which of the container's mounts. */
  index: number;
}

const BOUND = 'volume-subpaths';

async function bind(handle: FileHandle, target: string): Promise<void> {
  const wanted = await handle.stat();
  if ((await mountsBelow(target)).includes(target)) {
    const bound = await lstat(target);
    if (bound.dev === wanted.dev && bound.ino === wanted.ino) return;
    await unmount(target);
  }
  await mkdir(dirname(target), { recursive: true, mode: 0o750 });
  // A file is enough for everything that isn't a folder.
  if (wanted.isDirectory()) await mkdir(target, { recursive: true, mode: 0o750 });
  else await writeFile(target, '', { mode: 0o640 });
  await bindMount(openPath(handle), target);
}

/** Answers the path to hand to the container runtime. */
export async function bindSubPath({ volumePath, subPath, podDirectory, volume, container, index }: SubPath): Promise<string> {
  if (isAbsolute(subPath)) throw new ConfigurationError(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split('/').includes('..')) throw new ConfigurationError(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  const where = `for volumeMount "${volume}" of container "${container}"`;
  if (!(await stat(join(volumePath, subPath)).catch(() => undefined))) {
    await makeWithin(volumePath, subPath, (await stat(volumePath)).mode).catch((cause) => {
      throw new ConfigurationError(`failed to create subPath directory ${where}`, { cause });
    });
  }
  const target = join(podDirectory, BOUND, volume, container, String(index));
  try {
    await using handle = await openWithin(volumePath, subPath);
    await bind(handle, target);
  } catch (cause) {
    throw new ConfigurationError(`failed to prepare subPath ${where}`, { cause });
  }
  return target;
}
