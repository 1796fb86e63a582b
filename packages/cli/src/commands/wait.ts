// `tiphys wait`: flags and help; the work is in kube/wait.ts.
import type { Command } from 'commander';
import { withConnection } from '../kube/session.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  tiphys wait --for=condition=Available deploy/web --timeout=60s
  tiphys wait --for=jsonpath='{.status.phase}'=Running pod/web-0
  tiphys wait --for=delete pod -l app=web
`;

export function addWaitCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('wait')
    .description('wait until resources are in a state')
    .argument('<type-or-name...>', 'TYPE/NAME..., TYPE NAME..., or TYPE with -l or --all')
    .requiredOption('--for <state>', "create, delete, condition=NAME[=VALUE], or jsonpath='{PATH}'[=VALUE]")
    .option('-l, --selector <labels>', 'label selector')
    .option('--field-selector <fields>', 'field selector')
    .option('--all', 'all of the type in the namespace')
    .option('-A, --all-namespaces', 'in all namespaces')
    .option('--timeout <duration>', 'how long; 0 looks once', '30s')
    .addHelpText('after', EXAMPLES);
  withConnection(command).action(async (args: string[], flags) => {
    const { runWait } = await import('../kube/wait.ts');
    await runWait(args, flags, terminal);
  });
}
