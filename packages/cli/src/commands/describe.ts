// `tiphys describe`: flags and help; the work is in kube/describe.ts.
import { type Command, Option } from 'commander';
import { withFiles } from '../kube/manifests.ts';
import { withConnection } from '../kube/session.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  tiphys describe pod web-0
  tiphys describe pod web                          every pod whose name begins with web
  tiphys describe deploy/web svc/web
  tiphys describe node
`;

export function addDescribeCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('describe')
    .description('show a resource, what belongs to it and what happened to it')
    .argument('[type-or-name...]', 'TYPE [NAME or beginning of it...], or TYPE/NAME...')
    .option('-l, --selector <labels>', 'label selector')
    .option('-A, --all-namespaces', 'in all namespaces')
    .option('--show-events', 'with events (default: for a single object)')
    .addOption(new Option('--no-show-events').hideHelp())
    .addHelpText('after', EXAMPLES);
  withConnection(withFiles(command, 'that names the objects')).action(async (args: string[], flags) => {
    const { runDescribe } = await import('../kube/describe.ts');
    await runDescribe(args, flags, terminal);
  });
}
