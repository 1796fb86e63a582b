// `tiphys logs`: flags and help; the work is in kube/logs.ts.
import type { Command } from 'commander';
import { withConnection } from '../kube/session.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  tiphys logs web-0
  tiphys logs -f deploy/web -c server              follow one container of one of its pods
  tiphys logs -l app=web --prefix --tail=20        of every pod with the label
  tiphys logs web-0 --previous                     of the container that ended before
`;

export function addLogsCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('logs')
    .description('print what containers wrote')
    .argument('[pod-or-type/name]', 'a pod, or a workload such as deploy/web')
    .argument('[container]', 'the same as -c')
    .option('-f, --follow', 'go on with what is written from now on')
    .option('-c, --container <name>', 'which container')
    .option('--all-containers', 'all containers of the pod')
    .option('-p, --previous', 'of the instance that ended before')
    .option('-l, --selector <labels>', 'of all pods with these labels')
    .option('--tail <lines>', 'the last lines only; -1 for all (default: all, with -l 10)', Number)
    .option('--since <duration>', 'only newer than 5s, 2m or 3h')
    .option('--since-time <time>', 'only after a time (RFC 3339)')
    .option('--timestamps', 'with the time before each line')
    .option('--limit-bytes <bytes>', 'at most this many bytes', Number)
    .option('--prefix', 'with pod and container before each line')
    .option('--ignore-errors', 'with -f: go on when one log can not be read')
    .option('--max-log-requests <count>', 'with -f and -l: how many logs at once', Number, 5)
    .addHelpText('after', EXAMPLES);
  withConnection(command).action(async (name: string | undefined, container: string | undefined, flags) => {
    const { runLogs } = await import('../kube/logs.ts');
    await runLogs(name, { ...flags, ...(container ? { container } : {}) }, terminal);
  });
}
