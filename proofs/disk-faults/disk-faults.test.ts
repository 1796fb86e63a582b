// A short form of the proof: the faults that once found something, and a disk that runs full.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutStrace } from '../power-cut/record.ts';
import { diskFaultRound } from './disk-faults.ts';
import { fullDiskRound, skipWithoutMount } from './full-disk.ts';

const SEED = 20_261_121;
const FAULTS = {
  'every sync to the end fails: what is refused last may come to light again': 'fdatasync:error=EIO:when=12..999',
  'some syncs of the log fail, and later ones do not: what was refused is taken back': 'fdatasync:error=EIO:when=5..9',
  'the sync of the folder fails, and SQLite says nothing': 'fsync:error=EIO:when=10',
  'the new file can not be laid out: the start is refused in words': 'fsync:error=EIO:when=9..19',
  'some writes fail, and later ones do not': 'pwrite64:error=ENOSPC:when=60..90',
};

for (const [what, inject] of Object.entries(FAULTS)) {
  test(`${what} (seed ${SEED})`, { skip: skipWithoutStrace() }, async () => {
    assert.deepEqual((await diskFaultRound(SEED, inject)).failures, []);
  });
}

test('a full disk refuses writes, answers reads, and takes writes again when there is space', { skip: skipWithoutMount() }, async () => {
  const { failures, sums } = await fullDiskRound(SEED);
  assert.deepEqual(failures, []);
  assert.ok(sums!['writes refused']! > 0);
});
