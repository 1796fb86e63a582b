// `tiphys exec`: flags and help; the work is in kube/exec.ts.
import type { Command } from 'commander';
import { withConnection } from '../kube/session.ts';
import { CommandError, type Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  tiphys exec web-0 -- date
  tiphys exec -it web-0 -c server -- sh            a shell
  tiphys exec deploy/web -- env                    in one of its pods
  tar c folder | tiphys exec -i web-0 -- tar x -C /tmp
`;

export function addExecCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('exec')
    .description('run a command in a container')
    .argument('<pod-or-type/name>', 'a pod, or a workload such as deploy/web')
    .argument('[command...]', 'after --: the command and its arguments')
    .option('-c, --container <name>', 'which container')
    .option('-i, --stdin', 'pass standard input on')
    .option('-t, --tty', 'with a terminal')
    .option('-q, --quiet', 'print only what the command writes')
    .addHelpText('after', EXAMPLES);
  withConnection(command).action(async (name: string, words: string[], flags) => {
    if (words.length === 0) throw new CommandError('you must specify at least one command for the container');
    const { runExec } = await import('../kube/exec.ts');
    await runExec(name, words, flags, terminal);
  });
}
