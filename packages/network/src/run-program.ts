// Runs one of the system's programs (nft, ip, conntrack) with text on its input. The only place in this package that starts processes.
import { spawn } from 'node:child_process';
import { Retryable } from '@tiphys/std';

export interface RunOptions {
  input?: string;
  signal?: AbortSignal;
}

/** Resolves with what the program printed; rejects with Retryable and its complaint when it fails or is missing. */
export type RunProgram = (program: string, args: readonly string[], options?: RunOptions) => Promise<string>;

/** More of a program's complaint than this is of no use to anyone. */
const COMPLAINT_BYTES_MAX = 4096;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** A RunProgram that starts every program inside the network namespace, for tests. */
export function inNamespace(namespace: string): RunProgram {
  return (program, args, options) => runProgram('ip', ['netns', 'exec', namespace, program, ...args], options);
}

export const runProgram: RunProgram = (program, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` },
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const output: Buffer[] = [];
    let outputBytes = 0;
    let complaint = '';
    child.stdout.on('data', (chunk: Buffer) => {
      outputBytes += chunk.length;
      if (outputBytes <= OUTPUT_BYTES_MAX) output.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < COMPLAINT_BYTES_MAX) complaint += chunk.toString('utf8').slice(0, COMPLAINT_BYTES_MAX);
    });
    // The program may exit before it has read its input; its exit says why.
    child.stdin.on('error', () => {});
    child.on('error', (error) => reject(new Retryable(`cannot run ${program}: ${error.message}`, { cause: error })));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output).toString('utf8'));
      else reject(new Retryable(`${program} ${args.join(' ')}: ${signal ?? `exit ${code}`}: ${complaint.trim()}`));
    });
    child.stdin.end(options.input ?? '');
  });
