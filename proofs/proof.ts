// What a proof is: rounds that are repeated until enough was tried. A round is made from its own seed alone, so that a failing one can be
// run again by itself, and a run that was interrupted goes on after its last complete round.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeResult } from './result.ts';

export interface Round {
  /** How much of the proof's unit this round has tried. */
  done: number;
  /** Sums over all rounds. */
  sums?: Record<string, number>;
  /** The largest of all rounds. */
  peaks?: Record<string, number>;
  /** What should not have happened, in sentences. */
  failures: string[];
}

export interface Proof {
  name: string;
  title: string;
  /** What is done and what must hold, for the result's reader. */
  about: string;
  /** What is counted. */
  unit: string;
  fullCount: number;
  /** Why it can't be run here. */
  skip?(): string | false | Promise<string | false>;
  /**
   * Resolves with what runs one round; `close` is called at the end of them. `folder` may be made and is kept until the proof is begun anew,
   * for proofs that go on with what they have written.
   */
  open(seed: number, folder?: string): Promise<{ round(seed: number, index: number): Promise<Round>; close?(): Promise<void> }>;
}

export interface Progress {
  seed: number;
  rounds: number;
  done: number;
  seconds: number;
  /** The commits it was run at. */
  commits: string[];
  sums: Record<string, number>;
  peaks: Record<string, number>;
  failures: string[];
}

export interface ProofOptions {
  seed: number;
  count: number;
  /** Forget what an earlier run has done. */
  anew?: boolean;
}

const ROOT = dirname(import.meta.dirname);
/** Seeds of rounds lie this far apart. */
const SEED_STEP = 7919;
const FAILURES_MAX = 20;

const CACHE = join(ROOT, '.cache', 'proofs');
const progressFile = (name: string) => join(CACHE, `${name}.json`);
const keptFolder = (name: string) => join(CACHE, name);

function earlier(name: string): Progress | undefined {
  const file = progressFile(name);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Progress) : undefined;
}

function save(name: string, progress: Progress): void {
  const file = progressFile(name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(progress));
  renameSync(`${file}.new`, file);
}

function commitOf(): string {
  const { stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' });
  return stdout?.trim() || 'unknown';
}

/** Rounds that were made beside each other, as one. */
export function together(rounds: readonly Round[]): Round {
  const sums: Record<string, number> = {};
  const peaks: Record<string, number> = {};
  for (const round of rounds) {
    for (const [name, value] of Object.entries(round.sums ?? {})) sums[name] = (sums[name] ?? 0) + value;
    for (const [name, value] of Object.entries(round.peaks ?? {})) peaks[name] = Math.max(peaks[name] ?? 0, value);
  }
  return { done: rounds.reduce((sum, { done }) => sum + done, 0), sums, peaks, failures: rounds.flatMap(({ failures }) => failures) };
}

export function add(progress: Progress, { done, sums = {}, peaks = {}, failures }: Round): void {
  progress.rounds++;
  progress.done += done;
  for (const [name, value] of Object.entries(sums)) progress.sums[name] = (progress.sums[name] ?? 0) + value;
  for (const [name, value] of Object.entries(peaks)) progress.peaks[name] = Math.max(progress.peaks[name] ?? 0, value);
  progress.failures.push(...failures.slice(0, FAILURES_MAX - progress.failures.length));
}

/** Runs rounds until the count is reached or something failed; what is done is in proofs/results/NAME.md after each. */
export async function prove(proof: Proof, { seed, count, anew }: ProofOptions): Promise<boolean> {
  const reason = (await proof.skip?.()) ?? false;
  if (reason) throw new Error(`${proof.name} can't be run here: ${reason}`);
  if (anew) rmSync(progressFile(proof.name), { force: true });
  const begun = earlier(proof.name);
  if (!begun) rmSync(keptFolder(proof.name), { recursive: true, force: true });
  const progress = begun ?? { seed, rounds: 0, done: 0, seconds: 0, commits: [], sums: {}, peaks: {}, failures: [] };
  process.stdout.write(`${proof.name}: seed ${progress.seed}${begun ? `, going on after ${begun.done} ${proof.unit}` : ''}\n`);
  const commit = commitOf();
  if (progress.done < count && !progress.commits.includes(commit)) progress.commits.push(commit);
  const running = await proof.open(progress.seed + progress.rounds, keptFolder(proof.name));
  try {
    while (progress.done < count && progress.failures.length === 0) {
      const startedMs = performance.now();
      const roundSeed = progress.seed + progress.rounds * SEED_STEP;
      const round = await running.round(roundSeed, progress.rounds);
      add(progress, { ...round, failures: round.failures.map((failure) => `round of seed ${roundSeed}: ${failure}`) });
      progress.seconds += (performance.now() - startedMs) / 1000;
      save(proof.name, progress);
      writeResult(proof, progress);
      process.stdout.write(`${progress.done}/${count} ${proof.unit} ${JSON.stringify(round)}\n`);
    }
  } finally {
    await running.close?.();
  }
  return progress.failures.length === 0;
}
