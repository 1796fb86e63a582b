// `tiphys port-forward`: flags and help; the work is in kube/port-forward.ts.
import type { Command } from 'commander';
import { collect, withConnection } from '../kube/session.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  tiphys port-forward svc/web 8080:80              http://127.0.0.1:8080 reaches a pod of the service
  tiphys port-forward pod/db-0 5432                the same port here and there
  tiphys port-forward deploy/web :80               any free port here
`;

export function addPortForwardCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('port-forward')
    .description('forward ports of this machine to a pod')
    .argument('<type/name>', 'a pod, a service, or a workload such as deploy/web')
    .argument('<ports...>', '[LOCAL:]REMOTE...; a service port may be a name')
    .option('--address <address>', 'addresses to listen on, separated by commas (default: localhost)', collect)
    .addHelpText('after', EXAMPLES);
  withConnection(command).action(async (name: string, ports: string[], flags) => {
    const { runPortForward } = await import('../kube/port-forward.ts');
    await runPortForward(name, ports, flags, terminal);
  });
}
