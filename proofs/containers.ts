// kill -9 of a whole cluster with running containers, again and again: what packages/cluster/src/kill.e2e.test.ts does a few times.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanUp, dataFolder } from '@tiphys/cluster';
import { seededRandom } from '@tiphys/runtime';
import { freePort } from '../packages/cluster/src/testing/cluster-process.ts';
import { startKillCycles } from '../packages/cluster/src/testing/kill-cycles.ts';
import { skipWithoutContainers } from '../packages/cluster/src/testing/skip.ts';
import type { Proof, Round } from './proof.ts';

export const containers: Proof = {
  name: 'containers',
  title: 'kill -9 of a cluster with containers',
  about: `
A cluster with a Deployment of two pods behind a Service is killed at a random moment while four writers create, change and delete
objects, and started again. After each start: every acknowledged write is there and the revision has not gone back; pods, containers and
processes are the same ones (ids, process ids with their start times, restart counts); the node is Ready; and the service, which is asked
all the time, never failed to answer.`,
  unit: 'cycles of kill -9 and start',
  fullCount: 100,
  skip: skipWithoutContainers,
  open: async (seed) => {
    const directory = mkdtempSync(join(tmpdir(), 'tiphys-kill-'));
    const options = { directory, runtime: 'containerd' as const, port: await freePort(), kubeletPort: 0 };
    const cycles = await startKillCycles(options, seededRandom(seed));
    const round = async (): Promise<Round> => {
      const { acknowledged, startMs, killedStartAfterMs, failures } = await cycles.cycle();
      return {
        done: 1,
        sums: {
          'cycles in which the start itself was killed, too': killedStartAfterMs === undefined ? 0 : 1,
          'writes acknowledged': acknowledged,
        },
        peaks: { 'milliseconds until the start is complete': Math.round(startMs) },
        failures,
      };
    };
    const close = async () => {
      await cycles.close();
      await cleanUp(dataFolder(directory));
      rmSync(directory, { recursive: true });
    };
    return { round, close };
  },
};
