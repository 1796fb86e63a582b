// Programs started in a scratch folder, for trials beside upstream: logs in files, all ended and removed at the end.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ATTEMPTS_MAX = 600;
const INTERVAL_MS = 100;
/** Of the log, when a program does not get ready. */
const TAIL_CHARACTERS = 2000;

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** Where and as what a program is started. */
export interface Place {
  /** Tells one from others of the same program, in names of logs; default the program's. */
  name?: string;
  /** To be put before the command, such as `nsenter` and its arguments. */
  words?: readonly string[];
}

export interface Programs {
  /** Where they run; relative paths in their arguments mean files in it. */
  directory: string;
  pids(): number[];
  write(file: string, text: string): void;
  start(program: string, args: readonly string[], place?: Place): ChildProcess;
  /** Resolves when `ready` does with true. Rejects with the last words of the program, or of what it was started as. */
  until(what: string, program: string, ready: () => Promise<boolean>): Promise<void>;
  stop(): Promise<void>;
}

/** `folder`: where the programs lie. Made under `parent`, which should be on the disk that is to be measured. */
export function programs(folder: string, parent = tmpdir()): Programs {
  const directory = mkdtempSync(join(parent, 'tiphys-upstream-'));
  const children = new Map<string, ChildProcess>();
  // They find each other, as containerd its shim.
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH ?? ''}` };
  const log = (program: string) => join(directory, `${program}.log`);
  return {
    directory,
    pids: () => [...children.values()].flatMap((child) => (child.pid && !hasEnded(child) ? [child.pid] : [])),
    write: (file, text) => writeFileSync(join(directory, file), text, { mode: 0o600 }),
    start: (program, args, { name = program, words = [] } = {}) => {
      const output = openSync(log(name), 'a');
      const [first, ...rest] = [...words, join(folder, program), ...args];
      const child = spawn(first!, rest, { cwd: directory, stdio: ['ignore', output, output], env });
      children.set(name, child);
      return child;
    },
    until: async (what, program, ready) => {
      for (let attempt = 0; attempt < ATTEMPTS_MAX && !hasEnded(children.get(program)!); attempt++) {
        if (await ready().catch(() => false)) return;
        await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
      }
      throw new Error(`${what} did not get ready: ${readFileSync(log(program), 'utf8').slice(-TAIL_CHARACTERS)}`);
    },
    stop: async () => {
      await Promise.all([...children.values()].map(end));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
