// Applies a mutant while its file is loaded, by node's module hooks, and tries all of them, each in a process of its own.
import { spawn } from 'node:child_process';
import { registerHooks } from 'node:module';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { MUTANTS, type Mutant, mutated } from './mutants.ts';

const PACKAGES = new URL('../../', import.meta.url);
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

export function mutantNamed(name: string): Mutant {
  const mutant = MUTANTS.find((each) => each.name === name);
  if (!mutant) throw new Error(`no mutant is called ${name}; there are: ${MUTANTS.map((each) => each.name).join(', ')}`);
  return mutant;
}

/** From here on the mutant's file is loaded changed; nothing that imports it may have been loaded before. */
export function plant(mutant: Mutant): { isPlanted(): boolean } {
  const target = new URL(mutant.file, PACKAGES).href;
  let planted = false;
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context);
      if (url !== target) return loaded;
      planted = true;
      return { ...loaded, source: mutated(mutant, Buffer.from(loaded.source as Uint8Array).toString()) };
    },
  });
  return { isPlanted: () => planted };
}

const MESSAGE_LENGTH_MAX = 160;

export interface Caught {
  mutant: Mutant;
  /** Undefined when every promise was kept. */
  seed: number | undefined;
  message: string;
}

const BROKEN = /^seed (\d+): .*\n {2}(.*)/m;

/** Plants it in a process of its own and plays stories, from seed 1, until one breaks a promise. */
export function tryMutant(mutant: Mutant, seeds: number, minutes: number): Promise<Caught> {
  const args = [MAIN, '--mutant', mutant.name, '--seeds', `${seeds}`, '--minutes', `${minutes}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const found = BROKEN.exec(output);
      if (code !== 0 && !found) return reject(new Error(`mutant ${mutant.name}: ${output}`));
      resolve({ mutant, seed: found ? Number(found[1]) : undefined, message: found?.[2] ?? '' });
    });
  });
}

/** A line of results/mutants.md. */
export const resultLine = ({ mutant, seed, message }: Caught, commit: string): string =>
  `| ${mutant.name} | ${mutant.why} | ${seed ?? 'none'} | ${commit} | ${message.slice(0, MESSAGE_LENGTH_MAX).replaceAll('|', '\\|')} |`;

/** The table of results with these lines in the place of those that were there of the same mutants. */
export function withResults(table: string, lines: readonly string[]): string {
  const nameOf = (line: string) => line.split('|')[1]?.trim();
  const renewed = new Map(lines.map((line) => [nameOf(line), line]));
  const kept = table
    .trimEnd()
    .split('\n')
    .map((line) => {
      const name = nameOf(line);
      const now = renewed.get(name) ?? line;
      renewed.delete(name);
      return now;
    });
  return `${[...kept, ...renewed.values()].join('\n')}\n`;
}

/** Tells of each mutant as soon as it is known. */
export async function tryMutants(
  mutants: readonly Mutant[],
  seeds: number,
  minutes: number,
  tell: (caught: Caught) => void,
): Promise<void> {
  const waiting = [...mutants];
  const worker = async () => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) tell(await tryMutant(mutant, seeds, minutes));
  };
  await Promise.all(Array.from({ length: Math.max(1, cpus().length - 1) }, worker));
}
