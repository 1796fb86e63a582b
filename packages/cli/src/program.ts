// The commands and their flags. Only the command that was asked for is loaded: `tiphys get` needs no server.
import { Command, CommanderError } from 'commander';
import { commandArguments } from './arguments.ts';
import { explain } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { VERSION } from './version.ts';

type AddCommand = (program: Command, terminal: Terminal) => void;

const COMMANDS: Record<string, () => Promise<AddCommand>> = {
  up: async () => (await import('./commands/up.ts')).addUpCommand,
  down: async () => (await import('./commands/down.ts')).addDownCommand,
  status: async () => (await import('./commands/status.ts')).addStatusCommand,
  server: async () => (await import('./commands/server.ts')).addServerCommand,
  token: async () => (await import('./commands/token.ts')).addTokenCommand,
  kubeconfig: async () => (await import('./commands/kubeconfig.ts')).addKubeconfigCommand,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctorCommand,
  backup: async () => (await import('./commands/backup.ts')).addBackupCommand,
  restore: async () => (await import('./commands/backup.ts')).addRestoreCommand,
  image: async () => (await import('./commands/image.ts')).addImageCommand,
  get: async () => (await import('./commands/get.ts')).addGetCommand,
  describe: async () => (await import('./commands/describe.ts')).addDescribeCommand,
  apply: async () => (await import('./commands/apply.ts')).addApplyCommand,
  delete: async () => (await import('./commands/delete.ts')).addDeleteCommand,
  logs: async () => (await import('./commands/logs.ts')).addLogsCommand,
  exec: async () => (await import('./commands/exec.ts')).addExecCommand,
  'port-forward': async () => (await import('./commands/port-forward.ts')).addPortForwardCommand,
  wait: async () => (await import('./commands/wait.ts')).addWaitCommand,
  rollout: async () => (await import('./commands/rollout.ts')).addRolloutCommand,
  'explain-scheduling': async () => (await import('./commands/explain-scheduling.ts')).addExplainSchedulingCommand,
  completion: async () => (await import('./commands/completion.ts')).addCompletionCommand,
};

/** With a command's name, a program that knows that one alone. */
export async function createProgram(terminal: Terminal, only?: string): Promise<Command> {
  const program = new Command('tiphys')
    .description('Kubernetes in one process: the API, the controllers and real containers.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpCommand('help [command]', 'help for a command')
    .showHelpAfterError('(see --help)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.error(text) });
  const loaders = only !== undefined && COMMANDS[only] ? [COMMANDS[only]] : Object.values(COMMANDS);
  for (const add of await Promise.all(loaders.map((load) => load()))) add(program, terminal);
  return program;
}

/** Runs one command line; the result is the exit code. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  // Flags may come before the command, as kubectl has it.
  const at = args.findIndex((arg) => Object.hasOwn(COMMANDS, arg) || arg === '__complete' || arg === 'help');
  const ordered = at > 0 ? [args[at]!, ...args.slice(0, at), ...args.slice(at + 1)] : args;
  const name = at >= 0 ? args[at] : undefined;
  const program = await createProgram(terminal, name === '__complete' ? 'completion' : name);
  try {
    const command = program.commands.find((candidate) => candidate.name() === name);
    await program.parseAsync(commandArguments(ordered, command), { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    const { text, code } = explain(error);
    if (text !== '') terminal.error(text.endsWith('\n') ? text : `${text}\n`);
    return code;
  }
}
