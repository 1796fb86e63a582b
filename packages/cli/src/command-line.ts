// The tiphys command: hands the arguments to the program and turns its outcome into an exit code. The npm package's entry; a
// checkout's is main.ts.
import { startFrugally } from './memory.ts';

/** The outcome is the process's exit code. */
export async function runCommandLine(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  const [command, ...rest] = args;
  // The process that goes on to be a cluster is to stay small.
  if (command === 'up' && !rest.some((argument) => argument === '--detach' || argument === '-d')) startFrugally();
  const { runProgram } = await import('./program.ts');
  const { processTerminal } = await import('./terminal.ts');

  // Whoever reads has seen enough (`tiphys get pods | head -1`): that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });

  process.exitCode = await runProgram(args, processTerminal());
}
