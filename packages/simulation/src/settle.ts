// The end of a story: the trouble is over, everything becomes what it should be, stays so, and answers at once to what is asked of it.
import { batchv1, corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { Broken } from './broken.ts';
import { problemsOf } from './convergence.ts';
import { createDeployment, perform } from './perform.ts';
import type { Successes } from './safety/jobs.ts';
import type { Truth } from './truth.ts';
import type { VirtualCluster } from './virtual-cluster.ts';

/** Longer than the longest back-off of a controller (1000 s). */
const SETTLE_MS_MAX = 18 * 60_000;
/** Longer than the scheduler leaves a pod that found no room alone (300 s), than taints are tolerated and than statuses are repeated. */
const HOLD_MS = 6 * 60_000;
const LOOK_MS = 60_000;
/** A quiet cluster has done by then what it was asked for: shorter than any timer that would make good what nobody noticed. */
const PROMPT_MS = 60_000;
const FULL_MS = 15_000;

export interface Settling {
  cluster: VirtualCluster;
  truth: Truth;
  successes: Successes;
}

/** Ends what would go on for ever: cordoned nodes, and jobs that come every minute. */
async function calm(client: Client): Promise<void> {
  for (const { metadata } of (await client.of(corev1.nodes).list()).items)
    await client.of(corev1.nodes).patch(metadata!.name!, undefined, 'merge', { spec: { unschedulable: null } });
  for (const { metadata } of (await client.of(batchv1.cronjobs).list()).items)
    await client.of(batchv1.cronjobs).patch(metadata!.name!, metadata!.namespace, 'merge', { spec: { suspend: true } });
}

/** What nodes do though nothing happens. */
const isHeartbeat = (key: string) => /^\/registry\/(leases|minions|events|masterleases)\//.test(key);

/** Throws a Broken unless all is well for so long without a break. */
async function settleAndHold({ cluster, truth, successes }: Settling): Promise<void> {
  let writes: string[] = [];
  truth.onEvent(({ key }) => {
    if (!isHeartbeat(key)) writes.push(key);
  });
  let wellMs = 0;
  let problems: string[] = [];
  for (let waitedMs = 0; wellMs < HOLD_MS; waitedMs += LOOK_MS) {
    if (waitedMs > SETTLE_MS_MAX + wellMs) throw new Broken(`it did not settle: ${problems.join('; ')}`);
    await cluster.clock.advance(LOOK_MS);
    problems = problemsOf({ truth, successes, nowMs: cluster.clock.now() });
    wellMs = problems.length === 0 ? wellMs + LOOK_MS : 0;
    if (wellMs <= LOOK_MS) writes = [];
  }
  if (writes.length > 0)
    throw new Broken(`nothing was left to do, and ${writes.length} writes were made: ${[...new Set(writes)].join(', ')}`);
}

/** A pod that waits for room gets what another leaves. */
async function answersAtOnce({ cluster, truth, successes }: Settling): Promise<void> {
  const { clock, client } = cluster;
  await clock.runUntil(createDeployment(client, 'late', 1, { cpu: '10' }));
  await clock.advance(FULL_MS);
  await perform(cluster, client, { do: 'delete', kind: 'Deployment', name: 'heavy', propagationPolicy: 'Background' });
  await clock.advance(PROMPT_MS);
  const problems = problemsOf({ truth, successes, nowMs: clock.now() });
  if (problems.length > 0) throw new Broken(`${PROMPT_MS / 1000} s were not enough: ${problems.join('; ')}`);
}

export async function endWell(settling: Settling): Promise<void> {
  const { cluster } = settling;
  cluster.faults.lift();
  await cluster.clock.runUntil(calm(cluster.client));
  await settleAndHold(settling);
  await answersAtOnce(settling);
}
