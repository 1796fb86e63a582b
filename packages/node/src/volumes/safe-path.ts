// Opens and makes what lies in a volume while a container may be changing it: step by step, each from the folder that is open
// already, so that no link put there meanwhile leads anywhere (pkg/volume/util/subpath/subpath_linux.go doSafeOpen, doSafeMakeDir).
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** Only a place, not its content: opening must not hang on a pipe. Node has no name for it. */
const O_PATH = 0o10000000;
const PLACE = O_PATH | constants.O_NOFOLLOW;
const FOLDER = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_DIRECTORY;

/** The path by which the kernel knows an open file, whatever its names lead to by now. */
export const openPath = (handle: FileHandle): string => `/proc/${process.pid}/fd/${handle.fd}`;

const isWithin = (path: string, base: string) => path === base || path.startsWith(base + sep);
const segmentsOf = (path: string) => path.split(sep).filter((part) => part !== '' && part !== '.');

async function step(parent: FileHandle, name: string, flags: number): Promise<FileHandle> {
  const child = await open(join(openPath(parent), name), flags);
  if ((await child.stat()).isSymbolicLink()) {
    await child.close();
    throw new Error(`unexpected symlink found ${name}`);
  }
  await parent.close();
  return child;
}

/** From a folder that is nobody else's down through names that must not be links. */
async function descend(base: string, segments: readonly string[], flags = PLACE): Promise<FileHandle> {
  let handle = await open(base, PLACE);
  try {
    for (const name of segments) handle = await step(handle, name, flags);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What a path in a volume leads to, links of the volume's own included, and never out of it. The caller closes it. */
export async function openWithin(base: string, path: string): Promise<FileHandle> {
  const root = await realpath(base);
  const resolved = await realpath(join(root, path));
  if (!isWithin(resolved, root)) throw new Error(`path ${resolved} is outside of allowed base ${root}`);
  return descend(root, segmentsOf(relative(root, resolved)));
}

/** How far a path exists, with links resolved, and the names that are missing. */
async function existingPrefix(root: string, path: string): Promise<{ existing: string; missing: string[] }> {
  let existing = root;
  const segments = segmentsOf(path);
  for (const [i, name] of segments.entries()) {
    const next = await realpath(join(existing, name)).catch((error) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (next === undefined) return { existing, missing: segments.slice(i) };
    existing = next;
  }
  return { existing, missing: [] };
}

/** Makes the folders of a path that are missing, with the same rights whatever the umask says. */
export async function makeWithin(base: string, path: string, mode: number): Promise<void> {
  const root = await realpath(base);
  const { existing, missing } = await existingPrefix(root, path);
  if (!isWithin(existing, root)) throw new Error(`path ${existing} is outside of allowed base ${root}`);
  let handle = await descend(root, segmentsOf(relative(root, existing)));
  try {
    for (const name of missing) {
      await mkdir(join(openPath(handle), name));
      handle = await step(handle, name, FOLDER);
      await handle.chmod(mode & 0o7777);
    }
  } finally {
    await handle.close();
  }
}
