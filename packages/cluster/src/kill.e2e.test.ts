// kill -9 at random moments: acknowledged writes, containers and services survive. `npm run proofs -- containers` does it a hundred times.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realRandom } from '@tiphys/runtime';
import { cleanUp, dataFolder } from './index.ts';
import { freePort } from './testing/cluster-process.ts';
import { startKillCycles } from './testing/kill-cycles.ts';
import { skipWithoutContainers } from './testing/skip.ts';

const CYCLES = 3;

test('a cluster that is killed goes on where it was', { skip: await skipWithoutContainers() }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tiphys-kill-'));
  try {
    const cycles = await startKillCycles({ directory, runtime: 'containerd', port: await freePort(), kubeletPort: 0 }, realRandom());
    try {
      let acknowledged = 0;
      for (let cycle = 0; cycle < CYCLES; cycle++) {
        const report = await cycles.cycle();
        assert.deepEqual(report.failures, [], `cycle ${cycle}: ${JSON.stringify(report)}`);
        acknowledged += report.acknowledged;
      }
      assert.ok(acknowledged > 0, 'the cluster was writing when it was killed');
    } finally {
      await cycles.close();
    }
  } finally {
    await cleanUp(dataFolder(directory));
    rmSync(directory, { recursive: true });
  }
});
