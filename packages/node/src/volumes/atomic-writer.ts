// Writes a set of files so that readers see the old set or the new one, never a mixture (pkg/volume/util/atomic_writer.go):
// a timestamped folder, the link `..data` to it that is swapped by rename, and a link through it for every top name.
import { chmod, chown, lchown, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface PayloadFile {
  content: Uint8Array;
  mode: number;
  /** Owner; root when absent. */
  uid?: number;
}

/** Relative path → file. */
export type Payload = ReadonlyMap<string, PayloadFile>;

const DATA = '..data';
const DATA_NEW = '..data_tmp';
const READ_MASK = 0o440;
const DIRECTORY_MASK = 0o2110;

async function writtenAlready(directory: string, payload: Payload): Promise<boolean> {
  const target = await readlink(join(directory, DATA)).catch(() => undefined);
  if (!target) return false;
  const base = join(directory, target);
  const names = (await readdir(base, { recursive: true, withFileTypes: true }).catch(() => [])).filter((entry) => entry.isFile());
  if (names.length !== payload.size) return false;
  for (const [path, { content }] of payload) {
    const current = await readFile(join(base, path)).catch(() => undefined);
    if (!current || Buffer.compare(current, content) !== 0) return false;
  }
  return true;
}

async function writeFiles(base: string, payload: Payload, group: number | undefined): Promise<void> {
  const directories = new Set<string>([base]);
  for (const [path, file] of payload) {
    const full = join(base, path);
    for (let parent = dirname(full); parent !== base; parent = dirname(parent)) directories.add(parent);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, file.content, { mode: file.mode });
    if (group !== undefined || file.uid !== undefined) await chown(full, file.uid ?? 0, group ?? 0);
    // The process's umask must not decide.
    await chmod(full, group === undefined ? file.mode : file.mode | READ_MASK);
  }
  for (const directory of directories) {
    if (group !== undefined) await chown(directory, 0, group);
    await chmod(directory, group === undefined ? 0o755 : 0o755 | DIRECTORY_MASK);
  }
}

async function linkNames(directory: string, payload: Payload, group: number | undefined): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0]!));
  const present = (await readdir(directory)).filter((name) => !name.startsWith('..'));
  for (const name of present) if (!wanted.has(name)) await rm(join(directory, name), { force: true });
  for (const name of wanted) {
    if (present.includes(name)) continue;
    await symlink(join(DATA, name), join(directory, name));
    if (group !== undefined) await lchown(join(directory, name), 0, group);
  }
}

/** Answers whether anything was written. The time only names the folder. */
export async function writeAtomically(directory: string, payload: Payload, nowMs: number, group?: number): Promise<boolean> {
  if (await writtenAlready(directory, payload)) return false;
  await mkdir(directory, { recursive: true });
  if (group !== undefined) {
    await chown(directory, 0, group);
    await chmod(directory, 0o777 | DIRECTORY_MASK);
  } else await chmod(directory, 0o777);
  const old = await readlink(join(directory, DATA)).catch(() => undefined);
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replace('T', '_').replaceAll('-', '_').replaceAll(':', '_');
  const fresh = await mkdtemp(join(directory, `..${stamp}.`));
  await writeFiles(fresh, payload, group);
  await rm(join(directory, DATA_NEW), { force: true });
  await symlink(fresh.slice(directory.length + 1), join(directory, DATA_NEW));
  if (group !== undefined) await lchown(join(directory, DATA_NEW), 0, group);
  await rename(join(directory, DATA_NEW), join(directory, DATA));
  await linkNames(directory, payload, group);
  if (old) await rm(join(directory, old), { recursive: true, force: true });
  return true;
}
