// Backups as files: written whole or not at all, and of a cluster whether it runs or not.
import { closeSync, createReadStream, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { keepAlive, type Runtime, realRuntime } from '@tiphys/runtime';
import { type ClusterConfiguration, ConfigurationError, completeConfiguration } from '../configuration.ts';
import { type DataFolder, folderKeyFiles, runningOn } from '../data-folder.ts';
import { openStateStore } from '../store-choice.ts';
import { backupOf, type Restored, restore, type State } from './backup.ts';
import { askBackup, askRestore } from './control-socket.ts';
import { type Backup, decodeBackup } from './format.ts';

export interface BackupOptions {
  folder: DataFolder;
  /** Path of the backup file. */
  file: string;
  /** Where state is, for a cluster that does not run and keeps it in etcd. */
  configuration?: Partial<ClusterConfiguration>;
}

async function withState<T>({ folder, configuration = {} }: BackupOptions, work: (state: State) => Promise<T>): Promise<T> {
  const runtime: Runtime = realRuntime();
  const release = keepAlive();
  try {
    await using store = await openStateStore(folder, completeConfiguration(configuration), runtime);
    return await work({ store, keyFiles: folderKeyFiles(folder), clock: runtime.clock });
  } finally {
    release();
  }
}

async function writeWhole(file: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${file}.new`;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(temporary, 'w', 0o600);
    for await (const piece of bytes) writeSync(descriptor, piece);
    fsyncSync(descriptor);
    closeSync(descriptor);
    descriptor = undefined;
    renameSync(temporary, file);
  } catch (cause) {
    if (descriptor !== undefined) closeSync(descriptor);
    rmSync(temporary, { force: true });
    const isOfTheFile = (cause as NodeJS.ErrnoException).syscall !== undefined;
    throw isOfTheFile ? new ConfigurationError(`${file} can't be written: ${(cause as Error).message}`, { cause }) : cause;
  }
}

async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new ConfigurationError(`${file} can't be read: ${(cause as Error).message}`, { cause });
  }
}

/** Writes the backup and reads it again to see that it is whole. Rejects with ConfigurationError. */
export async function saveBackup(options: BackupOptions): Promise<Backup> {
  const { folder, file } = options;
  if (runningOn(folder)) await writeWhole(file, askBackup(folder));
  else await withState(options, (state) => writeWhole(file, backupOf(state)));
  return decodeBackup(bytesOf(file), file);
}

/** The file is checked as a whole before anything is changed. Rejects with ConfigurationError. */
export async function restoreBackup(options: BackupOptions & { replaceCluster?: boolean }): Promise<Restored> {
  const { folder, file, replaceCluster = false } = options;
  const backup = await decodeBackup(bytesOf(file), file);
  if (runningOn(folder)) return askRestore(folder, bytesOf(file), { fileName: file, replaceCluster });
  return withState(options, (state) => restore(state, backup, { fileName: file, replaceCluster }));
}
