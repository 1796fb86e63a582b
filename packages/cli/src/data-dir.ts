// Which data folder a command means.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DataFolder } from '@tiphys/cluster';
import type { Command } from 'commander';
import { CommandError, type Terminal } from './terminal.ts';

export function defaultDataDir(terminal: Terminal): string {
  if (terminal.environment.TIPHYS_DATA_DIR) return terminal.environment.TIPHYS_DATA_DIR;
  if (process.getuid?.() === 0) return '/var/lib/tiphys';
  return join(terminal.environment.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'tiphys');
}

export function withDataDir(command: Command, terminal: Terminal): Command {
  return command.option(
    '--data-dir <dir>',
    `where the cluster keeps its state (default: ${defaultDataDir(terminal)}, or $TIPHYS_DATA_DIR)`,
  );
}

export function chosenDataDir(options: { dataDir?: string }, terminal: Terminal): string {
  return resolve(terminal.workingFolder, options.dataDir ?? defaultDataDir(terminal));
}

/** The folder of a cluster that was started at some time. */
export async function existingFolder(options: { dataDir?: string }, terminal: Terminal): Promise<DataFolder> {
  const { dataFolder, isDataFolder } = await import('@tiphys/cluster');
  const path = chosenDataDir(options, terminal);
  if (!isDataFolder(path)) throw new CommandError(`there is no cluster in ${path}. Start one with: tiphys up`);
  return dataFolder(path);
}
