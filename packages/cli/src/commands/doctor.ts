// `tiphys doctor`: what this machine lacks for real containers, and how to help it.
import type { Command } from 'commander';
import { withDataDir } from '../data-dir.ts';
import type { Terminal } from '../terminal.ts';

export function addDoctorCommand(program: Command, terminal: Terminal): void {
  withDataDir(program.command('doctor'), terminal)
    .description('check that this machine can run real containers, and say how to fix what it lacks (exit code 1 when it can not)')
    .option('-q, --quiet', 'problems only')
    .action(async (options) => {
      const { runDoctor } = await import('../doctor/run.ts');
      await runDoctor(options, terminal);
    });
}
