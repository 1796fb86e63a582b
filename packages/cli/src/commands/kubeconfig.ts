// `tiphys kubeconfig` prints the administrator's kubeconfig.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { existingFolder, withDataDir } from '../data-dir.ts';
import type { Terminal } from '../terminal.ts';

export function addKubeconfigCommand(program: Command, terminal: Terminal): void {
  withDataDir(program.command('kubeconfig'), terminal)
    .description("print the administrator's kubeconfig, e.g. tiphys kubeconfig > kubeconfig")
    .option('--path', 'print where the file is instead')
    .action(async (options: { dataDir?: string; path?: boolean }) => {
      const { kubeconfig } = await existingFolder(options, terminal);
      terminal.out(options.path ? `${kubeconfig}\n` : readFileSync(kubeconfig, 'utf8'));
    });
}
