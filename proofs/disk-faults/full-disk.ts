// A file system without space: writes are refused in words, reads go on, and writes are taken again when there is space.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime, seededRandom } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { sqliteStore } from '@tiphys/storage';
import type { Round } from '../proof.ts';
import { type Asking, asking } from './asking.ts';
import { answersOf, judge } from './judge.ts';

const SMALL = '2m';
const LARGE = '64m';
const VALUE_BYTES_MAX = 30_000;
const WRITES_MAX = 1000;
const REFUSED = 10;
const AFTERWARDS = 10;

export function skipWithoutMount(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a file system of a fixed size needs root on Linux';
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-mount-'));
  const isPossible = mount(folder, SMALL) === '';
  if (isPossible) unmount(folder);
  rmdirSync(folder);
  return isPossible ? false : 'nothing can be mounted here';
}

function mount(folder: string, size: string, more = ''): string {
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `${more}size=${size},mode=0700`, 'tmpfs', folder], {
    encoding: 'utf8',
  });
  return status === 0 ? '' : stderr || 'mount failed';
}

const unmount = (folder: string) => spawnSync('umount', [folder]);

async function fill({ write, read, facts }: Asking, bytes: () => number, folder: string): Promise<string[]> {
  const failures: string[] = [];
  let refused = 0;
  for (let i = 0; refused < REFUSED && i < WRITES_MAX; i++) {
    await write(`map-${i}`, 'x'.repeat(bytes()));
    const fact = facts.at(-1)!;
    if (fact.type === 'write' && fact.code >= 300) refused++;
    await read();
  }
  if (refused === 0) failures.push('the disk never was full');
  const problem = mount(folder, LARGE, 'remount,');
  if (problem) throw new Error(problem);
  const before = facts.length;
  for (let i = 0; i < AFTERWARDS; i++) await write(`later-${i}`, 'x'.repeat(bytes()));
  const lost = facts.slice(before).filter((fact) => fact.type === 'write' && fact.code >= 300);
  if (lost.length > 0) failures.push(`${lost.length} of ${AFTERWARDS} writes were refused although there was space again`);
  return failures;
}

export async function fullDiskRound(seed: number): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-full-'));
  const problem = mount(folder, SMALL);
  if (problem) throw new Error(problem);
  const random = seededRandom(seed);
  const path = join(folder, 'state.db');
  try {
    const store = sqliteStore(path);
    const server = createApiServer({ runtime: realRuntime(), store, definitions: builtinDefinitions() });
    await server.ready;
    const asked = asking(server);
    const failures = await fill(asked, () => Math.floor(random.number() * VALUE_BYTES_MAX), folder);
    await server.close();
    await store[Symbol.asyncDispose]();
    failures.push(...answersOf(asked.facts), ...(await judge(path, asked.facts)));
    const writes = asked.facts.filter((fact) => fact.type === 'write');
    const refused = writes.filter(({ code }) => code >= 300).length;
    return {
      done: 1,
      sums: { 'writes acknowledged': writes.length - refused, 'writes refused': refused, 'disks without space': 1 },
      failures: failures.map((failure) => `without space: ${failure}`),
    };
  } finally {
    unmount(folder);
    rmdirSync(folder);
  }
}
