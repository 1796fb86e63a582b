// The kill -9 proof: an API server under load on a SQLite store is killed at a random moment and started again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type Random, seededRandom } from '@tiphys/runtime';
import { bundled, compiledOnce } from '../bundled.ts';
import { type Proof, type Round, together } from '../proof.ts';

const PROGRAM = join(import.meta.dirname, 'program.ts');
/** It is killed when the journal is so long, about a thousand writes on average, and a moment later. */
const JOURNAL_BYTES_MAX = 130_000;
const KILLED_WITHIN_MS = 50;
const LOOK_AGAIN_MS = 5;
/** So often the start is killed, too, somewhere within its length. */
const START_KILLED_SHARE = 0.2;
const START_MS = 600;
const RESTART_GOAL_MS = 500;
/** Servers that are killed beside each other, each on a file of its own: while one waits for the disk another works. */
const SERVERS = 2;

/** What the program found in the store. */
export interface Started {
  revision: number;
  /** What the start took of a processor, whatever else the machine did. */
  processorMs: number;
  found: [name: string, value: string, revision: string][];
}

interface Known {
  value: string | undefined;
  revision?: number;
  /** Asked for and not answered. */
  unanswered?: { value: string | undefined };
}

/** What was acknowledged, as the journal has it. */
export class Acknowledged {
  readonly known = new Map<string, Known>();
  revision = 0;
  count = 0;

  read(journal: string): number {
    const before = this.count;
    // A line that the kill cut short was not answered.
    for (const line of journal.slice(0, journal.lastIndexOf('\n') + 1).split('\n')) {
      const [mark, name, value, revision] = line.split(' ') as [string, string, string, string | undefined];
      if (mark === '?')
        this.known.set(name, { ...(this.known.get(name) ?? { value: undefined }), unanswered: { value: value || undefined } });
      if (mark !== '!') continue;
      this.count++;
      this.known.set(name, { value: value || undefined, ...(revision ? { revision: Number(revision) } : {}) });
      this.revision = Math.max(this.revision, Number(revision ?? 0));
    }
    return this.count - before;
  }

  /** What is lost, invented or gone back; what is there is what is known from now on. */
  compare({ revision, found }: Pick<Started, 'revision' | 'found'>): string[] {
    const failures: string[] = [];
    if (revision < this.revision) failures.push(`the revision went back from ${this.revision} to ${revision}`);
    const there = new Map(found.map(([name, value, at]) => [name, { value, revision: Number(at) }]));
    for (const name of new Set([...this.known.keys(), ...there.keys()])) {
      const known = this.known.get(name);
      const is = there.get(name);
      const isKnown = is?.value === known?.value && (is === undefined || known?.revision === undefined || is.revision === known.revision);
      const isUnanswered = known?.unanswered !== undefined && is?.value === known.unanswered.value;
      if (!isKnown && !isUnanswered) failures.push(`${name} is ${JSON.stringify(is)} and was acknowledged as ${JSON.stringify(known)}`);
      this.known.set(name, is ?? { value: undefined });
    }
    this.revision = Math.max(this.revision, revision);
    return failures;
  }
}

interface Files {
  program: string;
  store: string;
  journal: string;
}

async function start({ program, store, journal }: Files, random: Random) {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [program, store, journal, String(Math.floor(random.number() * 2 ** 31))], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: compiledOnce,
  });
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  const ready = once(createInterface(child.stdout), 'line').then(([line]) => ({
    started: JSON.parse(line) as Started,
    startMs: performance.now() - startedMs,
  }));
  ready.catch(() => undefined);
  return { child, ready, kill };
}

async function cycle(files: Files, acknowledged: Acknowledged, random: Random): Promise<Round> {
  let killedStarts = 0;
  while (random.number() < START_KILLED_SHARE) {
    killedStarts++;
    const starting = await start(files, random);
    await delay(random.number() * START_MS);
    await starting.kill();
    // It may have come so far as to write.
    if (existsSync(files.journal)) acknowledged.read(readFileSync(files.journal, 'utf8'));
    rmSync(files.journal, { force: true });
  }
  const running = await start(files, random);
  const ended = once(running.child, 'exit').then(() => undefined);
  const begun = await Promise.race([running.ready, ended]);
  if (!begun) return { done: 1, failures: ['it did not start'] };
  const failures = acknowledged.compare(begun.started);
  const enough = random.number() * JOURNAL_BYTES_MAX;
  while (statSync(files.journal).size < enough && running.child.exitCode === null) await delay(LOOK_AGAIN_MS);
  await Promise.race([delay(random.number() * KILLED_WITHIN_MS), ended]);
  if (running.child.exitCode !== null) failures.push('it ended by itself');
  await running.kill();
  const count = acknowledged.read(readFileSync(files.journal, 'utf8'));
  rmSync(files.journal);
  return {
    done: 1,
    sums: {
      'writes acknowledged': count,
      'starts that were killed': killedStarts,
      [`starts within ${RESTART_GOAL_MS} ms`]: begun.startMs <= RESTART_GOAL_MS ? 1 : 0,
      'milliseconds of all starts': Math.round(begun.startMs),
      'milliseconds of a processor for all starts': Math.round(begun.started.processorMs),
    },
    peaks: { 'milliseconds until a start is complete': Math.round(begun.startMs) },
    failures,
  };
}

export const kill: Proof = {
  name: 'kill',
  title: 'kill -9',
  about: `
An API server with all that a cluster has of it (admission, roles, what it starts with) on a SQLite store, with 128 writers that create,
patch and delete without a pause, is killed at a random moment within its first two thousand writes, some of the starts too, and started again on the same file. What is
asked and what is acknowledged goes to a journal before and after each write. After each start: what was acknowledged last of each object is there, at
its revision; nothing else is, but for what was asked and not answered; and the revision has not gone back. A start is measured from the birth of
the process to the first answer, on a machine that does other work beside it; two servers are killed beside each other.`,
  unit: 'cycles of kill -9 and start',
  fullCount: 1000,
  open: async (seed) => {
    const folder = mkdtempSync(join(tmpdir(), 'tiphys-kill-'));
    const program = bundled(PROGRAM);
    const servers = Array.from({ length: SERVERS }, (_, i) => ({
      files: { program, store: join(folder, `state-${i}.db`), journal: join(folder, `journal-${i}`) },
      acknowledged: new Acknowledged(),
      random: seededRandom(seed + i),
    }));
    // One that ends by itself leaves behind what it compiled.
    const first = await start({ program, store: join(folder, 'first.db'), journal: join(folder, 'first') }, seededRandom(seed));
    await first.ready;
    first.child.stdin.end();
    await once(first.child, 'exit');
    const round = async (): Promise<Round> => {
      const cycles = await Promise.all(servers.map(({ files, acknowledged, random }) => cycle(files, acknowledged, random)));
      return together(cycles);
    };
    return { round, close: async () => rmSync(folder, { recursive: true }) };
  },
};
