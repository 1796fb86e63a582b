// Runs a story against a cluster on a virtual clock and says whether every promise was kept.

import type { corev1 } from '@tiphys/api';
import type { Logger } from '@tiphys/runtime';
import { seededRandom } from '@tiphys/runtime';
import { Broken } from './broken.ts';
import { perform, RELEASED } from './perform.ts';
import { Successes } from './safety/jobs.ts';
import { judgeSilences } from './safety/silence.ts';
import { writesHold } from './safety/writes.ts';
import { watchSafety } from './safety.ts';
import { endWell } from './settle.ts';
import { type Story, storyOf } from './story.ts';
import { Truth } from './truth.ts';
import { VirtualCluster } from './virtual-cluster.ts';
import { EVERYTHING, type Selection, WatchWitness } from './witness.ts';

/** Between two watches of a witness. */
const AWAY_MS = 7000;
const WITNESS = { name: 'system:witness', groups: ['system:masters', 'system:authenticated'] };

/** What is followed: everything, what a label chooses, and what a node's own watch asks for. */
const SELECTIONS: readonly Selection[] = [
  EVERYTHING,
  { query: `&labelSelector=app%3D${RELEASED}`, selects: ({ metadata }) => metadata?.labels?.app === RELEASED },
  { query: '&fieldSelector=spec.nodeName%3Dsimulated-2', selects: (pod) => (pod as corev1.Pod).spec?.nodeName === 'simulated-2' },
  {
    query: '&fieldSelector=status.phase%3DPending',
    selects: (pod) => ((pod as corev1.Pod).status?.phase ?? 'Pending') === 'Pending',
  },
];

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

export const drawStory = (seed: number, minutes: number, stepsPerMinute?: number): Story =>
  storyOf({ seed, minutes, ...(stepsPerMinute === undefined ? {} : { stepsPerMinute }) }, seededRandom(seed + 2));

async function play(cluster: VirtualCluster, story: Story, failures: readonly Error[]): Promise<void> {
  const client = cluster.client;
  for (const { atMs, action } of story.steps) {
    await cluster.clock.advance(Math.max(0, atMs - cluster.clock.monotonicMs()));
    if (cluster.busy) throw cluster.busy;
    if (failures.length > 0) return;
    await perform(cluster, client, action);
  }
}

/** Never rejects for what the cluster does: that is the outcome. */
export async function runStory(story: Story, { log }: RunOptions = {}): Promise<Outcome> {
  const cluster = new VirtualCluster({ ...story, ...(log ? { log } : {}) });
  const failures: Error[] = [];
  const truth = new Truth(cluster.store, (error) => failures.push(error));
  const witnesses = SELECTIONS.map((selection) => new WatchWitness(truth, selection));
  const successes = new Successes(truth);
  watchSafety({ truth, clock: cluster.clock, story, guarded: 'guarded', successes });
  cluster.observe = writesHold(truth);
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
    const following = async (witness: WatchWitness) => {
      while (!stopped) {
        await witness.follow(cluster.handler, WITNESS, cluster.clock, () => cluster.serverStarts).catch(() => undefined);
        // What happens meanwhile the server has to remember.
        await cluster.clock.sleep(AWAY_MS);
      }
    };
    for (const witness of witnesses) void following(witness);
    judgeSilences(story, truth, cluster.clock);
    await play(cluster, story, failures);
    if (failures.length === 0) await endWell({ cluster, truth, successes });
    if (cluster.busy) throw cluster.busy;
    for (const witness of witnesses) witness.judge();
  } catch (error) {
    failures.push(error as Error);
  }
  const result = outcome();
  stopped = true;
  truth.stop();
  await cluster.close().catch(() => undefined);
  return result;
}
