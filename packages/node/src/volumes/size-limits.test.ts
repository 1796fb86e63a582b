import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { outgrownVolume } from './size-limits.ts';

test('a volume that has outgrown its limit is told, by its name and limit', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'volumes-'));
  try {
    const volume = join(directory, 'volumes', 'kubernetes.io~empty-dir', 'scratch');
    await mkdir(volume, { recursive: true });
    await writeFile(join(volume, 'data'), Buffer.alloc(100_000, 1));
    const pod = (sizeLimit: string, medium = ''): corev1.Pod => ({
      spec: { containers: [], volumes: [{ name: 'scratch', emptyDir: { sizeLimit, medium } }] },
    });
    assert.equal(await outgrownVolume(pod('1Mi'), directory), undefined);
    assert.equal(await outgrownVolume(pod('64Ki', 'Memory'), directory), undefined);
    assert.equal(await outgrownVolume(pod('64Ki'), directory), 'Usage of EmptyDir volume "scratch" exceeds the limit "64Ki". ');
  } finally {
    await rm(directory, { recursive: true });
  }
});
