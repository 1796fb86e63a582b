// Keeps container logs small (pkg/kubelet/logs/container_log_manager.go): 10 MiB each, five parts.
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { CriClient } from '../cri/client.ts';

export const LOG_BYTES_MAX = 10 * 1024 * 1024;
export const LOG_FILES_MAX = 5;

async function compress(file: string): Promise<void> {
  const scratch = `${file}.tmp`;
  await pipeline(createReadStream(file), createGzip(), createWriteStream(scratch));
  await rename(scratch, `${file}.gz`);
  await rm(file);
}

/** Rotates one log when it has grown too large. `stamp` names the part, such as 20260102-150405. */
export async function rotateLog(
  cri: CriClient,
  containerId: string,
  log: string,
  stamp: string,
  bytesMax = LOG_BYTES_MAX,
): Promise<boolean> {
  const facts = await stat(log).catch(() => undefined);
  if (!facts || facts.size < bytesMax) return false;
  const directory = dirname(log);
  const parts = (await readdir(directory)).filter((name) => name.startsWith(`${basename(log)}.`) && !name.endsWith('.tmp')).sort();
  // The newest part stays readable for those who follow it; older ones are packed.
  for (const name of parts) if (!name.endsWith('.gz')) await compress(join(directory, name));
  const packed = (await readdir(directory)).filter((name) => name.startsWith(`${basename(log)}.`)).sort();
  for (const name of packed.slice(0, Math.max(0, packed.length - (LOG_FILES_MAX - 2)))) await rm(join(directory, name), { force: true });
  const rotated = `${log}.${stamp}`;
  await rename(log, rotated);
  try {
    await cri.reopenContainerLog(containerId);
  } catch (error) {
    await rename(rotated, log);
    throw error;
  }
  return true;
}
