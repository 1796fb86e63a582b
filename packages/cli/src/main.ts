// The tiphys command's entry point: hands the arguments to the program and turns its outcome into an exit code.
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { runProgram } = await import('./program.ts');
const { processTerminal } = await import('./terminal.ts');

process.exitCode = await runProgram(process.argv.slice(2), processTerminal());
