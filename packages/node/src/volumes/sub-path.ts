// The part of a volume that a mount names by subPath (pkg/volume/util/subpath): made when missing, never outside the volume.
import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import { ConfigurationError } from '../container/environment.ts';

export async function resolveSubPath(volumePath: string, subPath: string, mountName: string, containerName: string): Promise<string> {
  if (isAbsolute(subPath)) throw new ConfigurationError(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split('/').includes('..')) throw new ConfigurationError(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  const wanted = join(volumePath, subPath);
  const root = await realpath(volumePath);
  if (!(await stat(wanted).catch(() => undefined))) {
    // A link in the volume may lead elsewhere: the nearest existing folder decides before anything is made.
    let existing = wanted;
    while (!(await stat(existing).catch(() => undefined))) existing = join(existing, '..');
    const base = await realpath(existing);
    if (base !== root && !base.startsWith(root + sep)) {
      throw new ConfigurationError(`failed to create subPath directory for volumeMount "${mountName}" of container "${containerName}"`);
    }
    const { mode } = await stat(volumePath);
    for (let path = existing; path !== wanted; ) {
      path = join(path, wanted.slice(path.length + 1).split('/')[0]!);
      await mkdir(path);
      // The umask must not narrow what the volume allows its users.
      await chmod(path, mode & 0o7777);
    }
  }
  const resolved = await realpath(wanted);
  if (resolved !== root && !resolved.startsWith(root + sep)) {
    throw new ConfigurationError(`failed to prepare subPath for volumeMount "${mountName}" of container "${containerName}"`);
  }
  return resolved;
}
