// Runs a story against a cluster on a virtual clock and says whether every promise was kept.

import { corev1 } from '@tiphys/api';
import type { Logger } from '@tiphys/runtime';
import { seededRandom } from '@tiphys/runtime';
import { judgeConvergence } from './convergence.ts';
import { perform } from './perform.ts';
import { Broken, WatchWitness, watchSafety } from './safety.ts';
import { type Story, storyOf } from './story.ts';
import { Truth } from './truth.ts';
import { VirtualCluster } from './virtual-cluster.ts';

/** Long enough for every back-off and lease to run out. */
const SETTLE_MS = 15 * 60_000;
const WITNESS = { name: 'system:witness', groups: ['system:masters', 'system:authenticated'] };

export interface Outcome {
  story: Story;
  /** What was broken, and at which virtual second; undefined when all went well. */
  failure?: { message: string; atMs: number };
  /** Writes that were made. */
  revision: number;
}

export interface RunOptions {
  log?: Logger;
}

export const drawStory = (seed: number, minutes: number): Story => storyOf({ seed, minutes }, seededRandom(seed + 2));

async function play(cluster: VirtualCluster, story: Story, failures: Error[]): Promise<void> {
  const client = cluster.client;
  for (const { atMs, action } of story.steps) {
    await cluster.clock.advance(Math.max(0, atMs - cluster.clock.monotonicMs()));
    if (failures.length > 0) return;
    await perform(cluster, client, action);
  }
  cluster.faults.lift();
  // A cordoned node would be a reason to wait for ever.
  for (let node = 1; node <= story.nodes; node++)
    await cluster.clock.runUntil(client.of(corev1.nodes).patch(`simulated-${node}`, undefined, 'merge', { spec: { unschedulable: null } }));
  await cluster.clock.advance(SETTLE_MS);
}

/** Never rejects for what the cluster does: that is the outcome. */
export async function runStory(story: Story, { log }: RunOptions = {}): Promise<Outcome> {
  const cluster = new VirtualCluster({ seed: story.seed, nodes: story.nodes, ...(log ? { log } : {}) });
  const failures: Error[] = [];
  const truth = new Truth(cluster.store, (error) => failures.push(error));
  const witness = new WatchWitness(truth);
  watchSafety(truth, 'guarded');
  let stopped = false;
  const outcome = (): Outcome => {
    const [first] = failures;
    const failure = first && {
      message: first instanceof Broken ? first.message : (first.stack ?? String(first)),
      atMs: cluster.clock.monotonicMs(),
    };
    return { story, revision: cluster.store.revision, ...(failure ? { failure } : {}) };
  };
  try {
    await cluster.start();
    const following = async () => {
      while (!stopped) await witness.follow(cluster.handler, WITNESS).catch(() => cluster.clock.sleep(1000));
    };
    void following();
    await play(cluster, story, failures);
    if (failures.length === 0) judgeConvergence(truth);
    witness.judge();
  } catch (error) {
    failures.push(error as Error);
  }
  const result = outcome();
  stopped = true;
  truth.stop();
  await cluster.close().catch(() => undefined);
  return result;
}
