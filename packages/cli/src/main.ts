// The tiphys command's entry point: hands the arguments to the program and turns its outcome into an exit code.
import { enableCompileCache } from 'node:module';
import { startFrugally } from './memory.ts';

const [command, ...rest] = process.argv.slice(2);
// The process that goes on to be a cluster has all day and keeps what it loads; the others must start quickly.
if (command === 'up' && !rest.some((argument) => argument === '--detach' || argument === '-d')) startFrugally();
else enableCompileCache();
const { runProgram } = await import('./program.ts');
const { processTerminal } = await import('./terminal.ts');

// Whoever reads has seen enough (`tiphys get pods | head -1`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runProgram(process.argv.slice(2), processTerminal());
