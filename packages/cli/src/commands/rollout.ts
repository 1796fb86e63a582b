// `tiphys rollout`: flags and help; the work is in kube/rollout.ts.
import type { Command } from 'commander';
import type { RolloutAction } from '../kube/rollout.ts';
import { withConnection } from '../kube/session.ts';
import type { Terminal } from '../terminal.ts';

export function addRolloutCommand(program: Command, terminal: Terminal): void {
  const rollout = program.command('rollout').description('follow, list, undo and restart rollouts');
  const add = (action: RolloutAction, description: string, more: (command: Command) => Command = (command) => command) => {
    const command = more(
      rollout.command(action).description(description).argument('<type-or-name...>', 'TYPE/NAME..., e.g. deployment/web'),
    );
    withConnection(command).action(async (args: string[], flags) => {
      const { runRollout } = await import('../kube/rollout.ts');
      await runRollout(action, args, flags, terminal);
    });
  };
  add('status', 'wait until a rollout is done, saying how far it is', (command) =>
    command.option('--timeout <duration>', 'how long to wait; 0 as long as it takes', '0s'),
  );
  add('history', 'show the revisions of a deployment');
  add('undo', 'go back to the revision before, or to another', (command) =>
    command.option('--to-revision <number>', 'revision to go back to; 0 is the one before', '0'),
  );
  add('restart', 'replace all pods by new ones, as the rollout strategy says');
}
