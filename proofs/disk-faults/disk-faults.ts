// The proof of failing disks: system calls of the store fail as a seed says, and a file system without space.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, seededRandom } from '@tiphys/runtime';
import { bundled } from '../bundled.ts';
import { Disk, SURVIVALS } from '../power-cut/disk.ts';
import { imageFolder } from '../power-cut/power-cut.ts';
import { recordProgram, skipWithoutStrace } from '../power-cut/record.ts';
import type { Proof, Round } from '../proof.ts';
import { fullDiskRound, skipWithoutMount } from './full-disk.ts';
import { answersOf, type Fact, judge } from './judge.ts';

const PROGRAM = join(import.meta.dirname, 'program.ts');
const CALLS = ['fsync,fdatasync', 'fsync,fdatasync', 'pwrite64', 'pwrite64', 'ftruncate,unlink'];
const ERRORS = ['EIO', 'EIO', 'ENOSPC', 'EDQUOT'];
const FIRST_CALL_MAX = 90;
const CALLS_MAX = 12;

/** As strace's option inject takes it: which calls fail how, from which on, and how many in a row. */
export function faultOf(random: Random): string {
  const one = <T>(all: readonly T[]): T => all[Math.floor(random.number() * all.length)]!;
  const first = 1 + Math.floor(random.number() ** 2 * FIRST_CALL_MAX);
  return `${one(CALLS)}:error=${one(ERRORS)}:when=${first}..${first + Math.floor(random.number() * CALLS_MAX)}`;
}

/** The disk's state at the end, as the running program saw it (a kill), and as it is without power. */
export async function diskFaultRound(seed: number, inject = faultOf(seededRandom(seed))): Promise<Round> {
  const { operations, code, output } = await recordProgram((path) => [bundled(PROGRAM), path, String(seed)], inject);
  const facts = output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Fact);
  const failures = answersOf(facts);
  if (code !== 0) failures.push(`the program ended with ${code}`);
  const random = seededRandom(seed);
  const disk = new Disk();
  for (const operation of operations) disk.carryOut(operation);
  const scratch = imageFolder();
  try {
    for (const survival of SURVIVALS) {
      const folder = join(scratch, survival);
      disk.cut(folder, survival, random);
      const problems = await judge(join(folder, 'state.db'), facts);
      failures.push(...problems.map((problem) => `of what was not synced ${survival} is left: ${problem}`));
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  const writes = facts.filter((fact) => fact.type === 'write');
  const refused = writes.filter((write) => write.code >= 300);
  return {
    done: 1,
    sums: {
      'writes acknowledged': writes.length - refused.length,
      'writes refused': refused.length,
      'of them with an unknown outcome': refused.filter(({ message }) => message.includes('not known')).length,
      'reads while the disk failed': facts.filter(({ type }) => type === 'read').length,
      'starts refused': facts.filter(({ type }) => type === 'refused').length,
      images: SURVIVALS.length,
    },
    failures: failures.map((failure) => `${inject}: ${failure}`),
  };
}

/** Every so many rounds the disk is full. */
const FULL_EVERY = 10;

export const diskFaults: Proof = {
  name: 'disk-faults',
  title: 'Failing disks',
  about: `
An API server on a SQLite store is asked to write and to read while some of the store's system calls fail as a seed says: syncs, writes,
truncations and removals, with EIO, ENOSPC or EDQUOT, once or several times in a row, from the opening of the file on. After a failed sync what
was not written is lost for good, as in Linux, and the next sync says nothing of it. Refused writes must be answered with a 5xx that says why; reads
must show all that was acknowledged, and nothing else, meanwhile; a start may be refused in words. Then the program ends without a word, and the
file is opened as a kill leaves it, and as four power cuts do (see power-cut.md): it holds what was acknowledged, and of what was refused at most
those writes whose outcome was said to be unknown. Every tenth disk is a file system that runs full and is enlarged: writes are taken again.`,
  unit: 'failing disks',
  fullCount: 1000,
  skip: skipWithoutStrace,
  open: async () => {
    const canMount = skipWithoutMount() === false;
    return { round: (seed, index) => (canMount && index % FULL_EVERY === FULL_EVERY - 1 ? fullDiskRound(seed) : diskFaultRound(seed)) };
  },
};
