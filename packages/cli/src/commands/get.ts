// `tiphys get`: flags and help; the work is in kube/get.ts.
import { type Command, Option } from 'commander';
import { withFiles } from '../kube/manifests.ts';
import { collect, withConnection } from '../kube/session.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  tiphys get pods                                  pods of the namespace
  tiphys get pods -A -o wide                       of all namespaces, with more columns
  tiphys get deploy,svc -l app=web                 two kinds, by label
  tiphys get pod/web-0 -o yaml                     one object, whole
  tiphys get pods -o jsonpath='{.items[*].metadata.name}'
  tiphys get pods --sort-by=.metadata.creationTimestamp -w
`;

export function addGetCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('get')
    .description('show one or many resources')
    .argument('[type-or-name...]', 'TYPE[,TYPE...] [NAME...], or TYPE/NAME...')
    .option('-o, --output <format>', 'json|yaml|wide|name|jsonpath=...|custom-columns=...')
    .option('-A, --all-namespaces', 'in all namespaces')
    .option('-l, --selector <labels>', 'label selector, such as app=web,tier!=db')
    .option('--field-selector <fields>', 'field selector, such as status.phase=Running')
    .option('-w, --watch', 'then show changes')
    .option('--watch-only', 'show changes only')
    .option('--output-watch-events', 'with -w: print the kind of event as well')
    .option('--show-labels', 'a column with all labels')
    .addOption(new Option('-L, --label-columns <labels>', 'columns for these labels, separated by commas').argParser(collect))
    .option('--show-kind', 'names with their kind')
    .option('--show-managed-fields', 'with -o json or yaml: managedFields as well')
    .option('--sort-by <path>', 'sort by a field, such as .metadata.name')
    .option('--no-headers', 'without the line of headers')
    .option('--ignore-not-found', 'what does not exist is no failure')
    .option('--subresource <name>', 'status, scale …')
    .option('--chunk-size <count>', 'objects per request; 0 asks for all at once', Number, 500)
    .option('--raw <path>', 'the answer to GET of a path, as it is')
    .addHelpText('after', EXAMPLES);
  withConnection(withFiles(command, 'that names the objects')).action(async (args: string[], flags) => {
    const { runGet } = await import('../kube/get.ts');
    await runGet(args, flags, terminal);
  });
}
