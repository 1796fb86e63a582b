import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Payload, writeAtomically } from './atomic-writer.ts';

const payload = (files: Record<string, string>, mode = 0o640): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { content: Buffer.from(text), mode }]));

test('files change together, by one link', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'atomic-'));
  try {
    assert.equal(await writeAtomically(directory, payload({ a: '1', 'd/b': '2' }), 0), true);
    assert.equal(await readFile(join(directory, 'd/b'), 'utf8'), '2');
    assert.equal((await stat(join(directory, 'a'))).mode & 0o777, 0o640);
    const before = await readlink(join(directory, '..data'));
    assert.equal(await writeAtomically(directory, payload({ a: '1', 'd/b': '2' }), 0), false, 'nothing changed');
    assert.equal(await writeAtomically(directory, payload({ a: 'new' }), 0), true);
    assert.equal(await readFile(join(directory, 'a'), 'utf8'), 'new');
    const names = await readdir(directory);
    assert.ok(!names.includes('d') && !names.includes(before), names.join());
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
