// A data folder on a disk that is full: writes are refused with a clear error, reads go on, and all is well when there is space again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { StatusError } from '@tiphys/machinery';
import { startClusterProcess } from './testing/cluster-process.ts';
import { isNodeReady } from './testing/pods.ts';
import { until } from './testing/until.ts';

const DISK = '48m';
const WRITES_MAX = 2000;
const WAIT_MS_MAX = 120_000;

const configMap = (name: string): corev1.ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: { text: 'x'.repeat(50_000) },
});

const skip = process.getuid?.() === 0 ? false : 'mounting a small disk needs root';
test('a full disk', { skip }, async () => {
  const disk = mkdtempSync(join(tmpdir(), 'tiphys-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', disk]);
  const fill = (leaveBlocks: number) => {
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(Math.max(0, (bavail - leaveBlocks) * bsize)));
  };
  try {
    fill(0);
    await assert.rejects(
      startClusterProcess({ directory: join(disk, 'data'), runtime: 'simulated', port: 0 }),
      /ConfigurationError: .*full/,
    );
    rmSync(join(disk, 'ballast'));
    const cluster = await startClusterProcess({ directory: join(disk, 'data'), runtime: 'simulated', port: 0 });
    try {
      const maps = cluster.client.of(corev1.configmaps);
      fill(64);
      const written: string[] = [];
      let refusal: unknown;
      // The client tries a while, as client-go does when a server asks for it; then it tells.
      for (let index = 0; index < WRITES_MAX && !refusal; index++) {
        const name = `map-${index}`;
        await maps.create(configMap(name)).then(
          () => written.push(name),
          (error) => {
            refusal = error;
          },
        );
      }
      assert.ok(refusal instanceof StatusError, `refused by the server: ${refusal}`);
      assert.ok(refusal.code >= 500, `code ${refusal.code}: ${refusal.message}`);
      assert.match(refusal.message, /disk is full/);

      const { items } = await maps.list({ namespace: 'default' });
      const names = items.map(({ metadata }) => metadata!.name!).filter((name) => name.startsWith('map-'));
      assert.deepEqual(names.sort(), written.sort());

      rmSync(join(disk, 'ballast'));
      await until('writes work again', WAIT_MS_MAX, async () => {
        await maps.create(configMap('afterwards'));
        return true;
      });
      await until('the node is ready', WAIT_MS_MAX, () => isNodeReady(cluster.client));
    } finally {
      await cluster.stop();
    }
  } finally {
    execFileSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true });
  }
});
