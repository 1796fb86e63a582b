// hostPath volumes: checks what the path is, and makes it when the pod asks for that (pkg/volume/hostpath).
import { mkdir, stat, writeFile } from 'node:fs/promises';
import type { corev1 } from '@tiphys/api';

export async function prepareHostPath({ path, type = '' }: corev1.HostPathVolumeSource): Promise<string> {
  if (type === '') return path;
  let facts = await stat(path).catch(() => undefined);
  if (!facts && type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 });
  if (!facts && type === 'FileOrCreate') await writeFile(path, '', { mode: 0o644, flag: 'a' });
  facts ??= await stat(path).catch(() => undefined);
  const is: Record<string, [boolean | undefined, string]> = {
    Directory: [facts?.isDirectory(), 'a directory'],
    DirectoryOrCreate: [facts?.isDirectory(), 'a directory'],
    File: [facts?.isFile(), 'a file'],
    FileOrCreate: [facts?.isFile(), 'a file'],
    Socket: [facts?.isSocket(), 'a socket file'],
    CharDevice: [facts?.isCharacterDevice(), 'a character device'],
    BlockDevice: [facts?.isBlockDevice(), 'a block device'],
  };
  const [matches, what] = is[type] ?? [false, type];
  if (!matches) throw new Error(`hostPath type check failed: ${path} is not ${what}`);
  return path;
}
