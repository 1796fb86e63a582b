// The power-cut proof: a recording of the store's file operations is cut at every sync and at random places, and what would be on the
// disk then is opened again.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@tiphys/runtime';
import { type Store, sqliteStore } from '@tiphys/storage';
import type { Proof, Round } from '../proof.ts';
import { Disk, SURVIVALS, type Survival } from './disk.ts';
import { type PlanSize, planOf, type State, statesOf } from './plan.ts';
import { type FileOperation, record, skipWithoutStrace } from './record.ts';

const FIRST_REVISION = 1;
const USUAL: PlanSize = { turns: 240, keys: 60, filled: false };
const LARGE: PlanSize = { turns: 60, keys: 3500, filled: true };
/** Every so many rounds the store is large enough to be packed. */
const LARGE_EVERY = 4;
const FAILURES_MAX = 5;
/** Images for each sync and for each random place. */
const RANDOM_SHARE = 0.5;

/** In memory, where syncs cost nothing. */
export function imageFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tiphys-images-'));
}

async function differences(store: Store, allowed: readonly State[]): Promise<string | undefined> {
  const { records, revision } = await store.list('/');
  const expected = allowed.find((state) => state.revision === revision);
  if (!expected)
    return `it is at revision ${revision}, and only ${[...new Set(allowed.map((state) => state.revision))].join(' or ')} can be`;
  if (records.length !== expected.records.size) return `it holds ${records.length} records instead of ${expected.records.size}`;
  for (const { key, value, createRevision, modRevision } of records) {
    const is = expected.records.get(key);
    if (!is) return `${key} is there`;
    if (is.modRevision !== modRevision || is.createRevision !== createRevision) return `${key} is of revision ${modRevision}`;
    if (Buffer.compare(is.value, value) !== 0) return `${key} has another value`;
  }
  const written = await store.commit({ type: 'put', key: '/registry/after', value: Buffer.from('x'), expectedRevision: 0 });
  return written.ok && written.revision === revision + 1 ? undefined : 'it takes no writes';
}

/** What is wrong with an image, or nothing. */
async function judged(folder: string, allowed: readonly State[]): Promise<string | undefined> {
  try {
    await using store = sqliteStore(join(folder, 'state.db'));
    return await differences(store, allowed);
  } catch (error) {
    return `it does not open: ${(error as Error).message}`;
  }
}

/** Cuts a recording. States before the last acknowledged turn must not come back; those after the last begun can't be. */
export async function cutEverywhere(operations: readonly FileOperation[], states: readonly State[], seed: number): Promise<Round> {
  const random = seededRandom(seed);
  const syncs = operations.filter(({ type }) => type === 'sync' || type === 'syncFolder').length;
  const randomShare = (syncs * RANDOM_SHARE) / operations.length;
  const scratch = imageFolder();
  const disk = new Disk();
  const failures: string[] = [];
  let [acknowledged, begun, images, torn] = [0, 0, 0, 0];
  const cut = async (at: number, survival: Survival) => {
    const folder = join(scratch, 'image');
    disk.cut(folder, survival, random);
    images++;
    if (survival !== 'nothing' && survival !== 'everything') torn++;
    const problem = await judged(folder, states.slice(acknowledged, begun + 1));
    if (problem) failures.push(`cut before file operation ${at}, of what was not synced ${survival} is left: ${problem}`);
  };
  try {
    for (const [at, operation] of operations.entries()) {
      if (failures.length >= FAILURES_MAX) break;
      const isSync = operation.type === 'sync' || operation.type === 'syncFolder';
      if (isSync || random.number() < randomShare) await cut(at, SURVIVALS[Math.floor(random.number() * SURVIVALS.length)]!);
      disk.carryOut(operation);
      if (isSync) await cut(at + 1, 'nothing');
      if (operation.type === 'begin') begun = operation.turn + 1;
      if (operation.type === 'done') acknowledged = operation.turn + 1;
    }
    await cut(operations.length, 'nothing');
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return {
    done: images,
    sums: { syncs, 'images with torn or missing writes': torn, 'writes acknowledged': states.at(-1)!.revision - 1 },
    failures,
  };
}

export async function powerCutRound(seed: number, size: PlanSize): Promise<Round> {
  return cutEverywhere(await record(seed, size), statesOf(planOf(seed, size), FIRST_REVISION), seed);
}

export const powerCut: Proof = {
  name: 'power-cut',
  title: 'Power cut',
  about: `
The SQLite store runs under strace, which records each write to its files with the bytes, each sync, truncation, and made or removed name, and
between them when a turn of writes begins and when it is acknowledged. The recording is replayed and cut before and after every sync and at
random places. What was synced is on the disk; of the rest nothing, everything, a subset of the writes, a subset of their 512-byte sectors, or a
beginning with its last write torn. Names that were made or removed may be missing until their folder is synced. Each image must open and hold
exactly the state after the last acknowledged turn, or after the one that was under way: keys, values and both revisions; and take a write.`,
  unit: 'images',
  fullCount: 20_000,
  skip: skipWithoutStrace,
  open: async () => ({ round: (seed, index) => powerCutRound(seed, index % LARGE_EVERY === LARGE_EVERY - 1 ? LARGE : USUAL) }),
};
