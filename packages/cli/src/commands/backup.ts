// `tiphys backup` and `tiphys restore`: the whole state of a cluster as one file, while it runs or not.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { dataFolder, openDataFolder, restoreBackup, saveBackup } from '@tiphys/cluster';
import type { Command } from 'commander';
import { chosenDataDir, existingFolder, withDataDir } from '../data-dir.ts';
import { type EtcdFlags, etcdConfiguration, withEtcdFlags } from '../etcd-flags.ts';
import { progress, type Terminal } from '../terminal.ts';

const mebibytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

interface Options extends EtcdFlags {
  dataDir?: string;
}

export function addBackupCommand(program: Command, terminal: Terminal): void {
  withEtcdFlags(withDataDir(program.command('backup'), terminal))
    .description('write the whole state of the cluster and its keys to a file; whoever has it has the cluster')
    .argument('<file>')
    .action(async (path: string, options: Options) => {
      const folder = await existingFolder(options, terminal);
      const file = resolve(terminal.workingFolder, path);
      const { header, sha256 } = await saveBackup({ folder, file, configuration: etcdConfiguration(options, terminal) });
      const size = mebibytes(statSync(file).size);
      progress(terminal).done(`${file}: ${header.records} records at revision ${header.revision}, ${size}, sha256 ${sha256}`);
    });
}

export function addRestoreCommand(program: Command, terminal: Terminal): void {
  withEtcdFlags(withDataDir(program.command('restore'), terminal))
    .description('make the cluster what it was when the file was written, while it runs or not')
    .argument('<file>')
    .option('--replace-cluster', 'restore a backup of another cluster in place of this one')
    .action(async (path: string, options: Options & { replaceCluster?: boolean }) => {
      const file = resolve(terminal.workingFolder, path);
      const { step, done } = progress(terminal);
      const configuration = etcdConfiguration(options, terminal);
      const { path: directory } = dataFolder(chosenDataDir(options, terminal));
      step(`Restoring ${directory} from ${file}`);
      const folder = openDataFolder(directory);
      const restored = await restoreBackup({ folder, file, configuration, replaceCluster: options.replaceCluster ?? false });
      const { records, written, deleted, revision, otherKeys } = restored;
      done(`${records} records are there at revision ${revision}: ${written} written, ${deleted} deleted`);
      if (otherKeys)
        terminal.error('The keys in the backup are not this cluster’s: tokens and certificates from before are not accepted here.\n');
    });
}
