// `tiphys apply`: flags and help; the work is in kube/apply.ts.
import { type Command, Option } from 'commander';
import { withFiles } from '../kube/manifests.ts';
import { withConnection } from '../kube/session.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  tiphys apply -f app.yaml
  tiphys apply -f deploy/ -R                       every manifest of a folder and the folders in it
  cat app.yaml | tiphys apply -f -
  tiphys apply --server-side -f app.yaml           the server merges and knows who owns which field
  tiphys apply --dry-run=server -f app.yaml        what would happen
`;

export function addApplyCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('apply')
    .description('create or change resources so that they are as files say')
    .option('--server-side', 'merge on the server')
    .option('--force-conflicts', 'with --server-side: take over fields that others own')
    .option('--field-manager <name>', 'who owns the fields')
    .addOption(
      new Option('--dry-run <strategy>', 'what would happen, as far as this program knows (client) or the server says (server)').choices([
        'none',
        'client',
        'server',
      ]),
    )
    .addOption(
      new Option('--validate <how>', 'what to do about unknown or duplicate fields')
        .choices(['strict', 'warn', 'ignore', 'true', 'false'])
        .default('strict'),
    )
    .option('-o, --output <format>', 'print the objects: json|yaml|name|jsonpath=...')
    .option('--show-managed-fields', 'with -o json or yaml: managedFields as well')
    .addHelpText('after', EXAMPLES);
  withConnection(withFiles(command, 'that holds the objects')).action(async (flags) => {
    const { runApply } = await import('../kube/apply.ts');
    await runApply(flags, terminal);
  });
}
