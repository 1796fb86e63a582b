// `tiphys explain-scheduling`: flags and help; the work is in kube/explain-scheduling.ts.
import type { Command } from 'commander';
import { withConnection } from '../kube/session.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  tiphys explain-scheduling web-0            for each node: does the pod fit, and why not
  tiphys explain-scheduling web-0 -o wide    with the score that each plugin gives
  tiphys explain-scheduling web-0 -o json
`;

export function addExplainSchedulingCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('explain-scheduling')
    .description('tell for each node why a pod may or may not run there')
    .argument('<pod>', 'NAME or pod/NAME')
    .option('-o, --output <format>', 'wide or json')
    .addHelpText('after', EXAMPLES);
  withConnection(command).action(async (pod: string, flags) => {
    const { runExplainScheduling } = await import('../kube/explain-scheduling.ts');
    await runExplainScheduling(pod, flags, terminal);
  });
}
