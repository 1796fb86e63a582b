// Other programs, without holding up this one.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Machine } from './lab.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Resolves with what the program printed; rejects with its complaint when it fails. */
export async function run(program: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let [out, error] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    error += text;
  });
  // It may end before it has read its input; its exit says why.
  child.stdin.on('error', () => undefined).end(input);
  const code = await new Promise((settle, fail) => child.once('error', fail).once('close', settle));
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${(error || out).trim()}`);
  return out;
}

export const runOn = ({ words: [program, ...words] }: Machine, command: string, args: readonly string[]): Promise<string> =>
  run(program!, [...words, command, ...args]);

export const tiphysOn = (machine: Machine, ...args: string[]): Promise<string> =>
  runOn(machine, process.execPath, [join(root, 'packages/cli/src/main.ts'), ...args]);

const ATTEMPTS_MAX = 600;
const INTERVAL_MS = 200;

/** The first answer that is not undefined; what is thrown on the way counts as none, and is told at the end. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  let last: unknown;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const answer = await ask().catch((error) => {
      last = error;
      return undefined;
    });
    if (answer !== undefined) return answer;
    await new Promise((settle) => setTimeout(settle, INTERVAL_MS));
  }
  throw new Error(`${what} took too long`, { cause: last });
}
