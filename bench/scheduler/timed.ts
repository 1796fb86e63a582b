// Watches a scheduler at work: how fast the waiting pods get their nodes, for as long as it may take.
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { WAITING } from './fill.ts';
import { misplacements } from './placements.ts';

/** A side that is not done by then is reported with what it has reached. */
export const LIMIT_SECONDS = 60;

export interface Outcome {
  /** Pods that got their node, of those that waited. */
  bound: number;
  waiting: number;
  /** From the first pod bound to the last, so that nobody's start counts. */
  podsPerSecond: number;
  /** Seconds from the scheduler's start to the first pod bound. */
  firstSeconds: number;
  /** CPU of the whole side, the start too, for one pod. */
  milliseconds: number;
}

export interface Timing {
  client: Client;
  waiting: number;
  start(): Promise<unknown>;
  usedSeconds(): number;
}

export async function timed({ client, waiting, start, usedSeconds }: Timing): Promise<Outcome> {
  const informer = client.informer(corev1.pods);
  await informer.synced();
  const bound = new Set<string>();
  const done = Promise.withResolvers<void>();
  let [firstMs, lastMs, firstCount] = [0, 0, 0];
  const look = (pod: corev1.Pod) => {
    if (!pod.spec?.nodeName || pod.metadata!.namespace !== WAITING || bound.has(pod.metadata!.name!)) return;
    bound.add(pod.metadata!.name!);
    lastMs = performance.now();
    if (firstMs === 0) [firstMs, firstCount] = [lastMs, 1];
    if (bound.size === waiting) done.resolve();
  };
  const stop = informer.subscribe({ added: look, updated: look });
  // Nothing else may keep the process alive while a program beside it works; and it ends the wait.
  const limit = setTimeout(done.resolve, LIMIT_SECONDS * 1000);
  const usedBefore = usedSeconds();
  const startMs = performance.now();
  await start();
  await done.promise;
  const used = usedSeconds() - usedBefore;
  clearTimeout(limit);
  stop();
  const nodes = (await client.of(corev1.nodes).list()).items;
  const namespaces = (await client.of(corev1.namespaces).list()).items;
  const placed = informer.list().filter(({ spec }) => spec?.nodeName);
  const wrong = misplacements({ pods: placed, nodes, namespaces });
  if (wrong.length > 0) throw new Error(`${wrong.length} pods are where they may not be: ${wrong.slice(0, 3).join('; ')}`);
  const count = bound.size;
  return {
    bound: count,
    waiting,
    podsPerSecond: (count - firstCount) / ((lastMs - firstMs) / 1000),
    firstSeconds: (firstMs - startMs) / 1000,
    milliseconds: (used / count) * 1000,
  };
}
