// `tiphys delete`: flags and help; the work is in kube/delete.ts.
import { type Command, Option } from 'commander';
import { withFiles } from '../kube/manifests.ts';
import { withConnection } from '../kube/session.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  tiphys delete pod web-0
  tiphys delete -f app.yaml
  tiphys delete pods,services -l app=web
  tiphys delete deploy/web --cascade=orphan        its pods stay
  tiphys delete pod web-0 --grace-period=0 --force without waiting for the node
`;

export function addDeleteCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('delete')
    .description('delete resources by file, name or label')
    .argument('[type-or-name...]', 'TYPE NAME..., TYPE/NAME..., or TYPE with -l or --all')
    .option('-l, --selector <labels>', 'label selector')
    .option('--field-selector <fields>', 'field selector')
    .option('--all', 'all of the type in the namespace')
    .option('-A, --all-namespaces', 'in all namespaces')
    .option('--grace-period <seconds>', 'time to end in; -1 leaves it to the object, 0 needs --force', Number, -1)
    .option('--force', 'remove at once, without confirmation that what ran has ended')
    .option('--now', 'the same as --grace-period=1')
    .addOption(
      new Option('--cascade <policy>', 'what becomes of dependents')
        .choices(['background', 'foreground', 'orphan', 'true', 'false'])
        .default('background'),
    )
    .option('--ignore-not-found', 'what does not exist is no failure')
    .option('--wait', 'wait until the resources are gone (default)', true)
    .addOption(new Option('--no-wait').hideHelp())
    .option('--timeout <duration>', 'how long to wait, such as 30s; 0s waits as long as it takes', '0s')
    .addOption(new Option('--dry-run <strategy>', 'what would happen').choices(['none', 'client', 'server']))
    .option('-o, --output <format>', 'name: print TYPE/NAME only')
    .addHelpText('after', EXAMPLES);
  withConnection(withFiles(command, 'that names the objects')).action(async (args: string[], flags) => {
    const { runDelete } = await import('../kube/delete.ts');
    await runDelete(args, flags, terminal);
  });
}
