import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeWithin, openPath, openWithin } from './safe-path.ts';

describe('paths in volumes', () => {
  let directory: string;
  let volume: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'safe-path-'));
    volume = join(directory, 'volume');
    await mkdir(join(volume, 'inside'), { recursive: true });
    await mkdir(join(directory, 'outside'));
    await writeFile(join(volume, 'inside', 'file'), 'text');
    await symlink('inside', join(volume, 'link'));
    await symlink('../outside', join(volume, 'out'));
  });
  after(() => rm(directory, { recursive: true }));

  test('links of the volume’s own are followed, and what is open stays what it is', async () => {
    await using handle = await openWithin(volume, 'link/file');
    await rm(join(volume, 'inside', 'file'));
    await symlink('../../outside', join(volume, 'inside', 'file'));
    assert.equal(await readFile(openPath(handle), 'utf8'), 'text');
  });

  test('nothing leads out of the volume', async () => {
    await assert.rejects(openWithin(volume, 'out'), /is outside of allowed base/);
    await assert.rejects(makeWithin(volume, 'out/made', 0o755), /is outside of allowed base/);
    await assert.rejects(stat(join(directory, 'outside', 'made')), { code: 'ENOENT' });
  });

  test('folders are made with the rights of the volume', async () => {
    await makeWithin(volume, 'link/a/b', 0o2777);
    assert.equal((await stat(join(volume, 'inside/a/b'))).mode & 0o7777, 0o2777);
    await makeWithin(volume, 'link/a/b', 0o700);
  });
});
