// A Job's pods: made from its template, created and deleted (job_controller.go manageJob, indexed_job_utils.go).
import { batchv1, corev1 } from '@tiphys/api';
import { compareForDeletion } from '../pods/deletion-order.ts';
import type { Pod } from '../pods/pod-state.ts';
import { createPod, deletePod, namespaceTerminating, podFromTemplate } from '../pods/pod-writes.ts';
import { type Action, atOnce, patch, slowStart, type Write } from '../runtime/actions.ts';
import { annotationsOf, labelsOf, nameOf } from '../runtime/objects.ts';
import { INDEX_FAILURES, INDEX_IGNORED_FAILURES, ignoredIndexFailures, indexFailures, indexRemainingMs, remainingMs } from './backoff.ts';
import { completionsOf, type Facts, indexesOfPods, isIndexed, isSuspended, isTracked, limitsIndexes, TRACKING_FINALIZER } from './facts.ts';
import { COMPLETION_INDEX, firstFree, indexOf, mergeIndexes, withIndexes } from './indexes.ts';
import { type Job, matchFailurePolicy, replacesOnlyFailed } from './policies.ts';

/** Pods created or deleted by one plan. */
export const PODS_PER_PLAN_MAX = 500;

const GENERATED_NAME_MAX = 58;
const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';

function withIndexVariable(container: corev1.Container): corev1.Container {
  if (container.env?.some(({ name }) => name === INDEX_VARIABLE)) return container;
  const variable = { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } } };
  return { ...container, env: [...(container.env ?? []), variable] };
}

/** The counts of failures that the replacement carries on. */
export function failureCounts(job: Job, replaced: Pod | undefined): Record<string, string> {
  if (!limitsIndexes(job)) return {};
  if (!replaced) return { [INDEX_FAILURES]: '0' };
  const { counts } = matchFailurePolicy(job.spec?.podFailurePolicy, replaced);
  const failures = indexFailures(replaced) + (counts ? 1 : 0);
  const ignored = ignoredIndexFailures(replaced) + (counts ? 0 : 1);
  return { [INDEX_FAILURES]: String(failures), ...(ignored > 0 ? { [INDEX_IGNORED_FAILURES]: String(ignored) } : {}) };
}

function trackedPod(job: Job): Pod {
  const pod = podFromTemplate(batchv1.jobs, job, job.spec?.template);
  const finalizers = pod.metadata?.finalizers ?? [];
  if (finalizers.includes(TRACKING_FINALIZER)) return pod;
  return { ...pod, metadata: { ...pod.metadata, finalizers: [...finalizers, TRACKING_FINALIZER] } };
}

/** Cut, so that the server's suffix still fits behind the index. */
export function generatedName(job: string, index: number): string {
  const suffix = `-${index}-`;
  return job.slice(0, GENERATED_NAME_MAX - suffix.length) + suffix;
}

function indexedPod(job: Job, index: number, replaced: Pod | undefined): Pod {
  const pod = trackedPod(job);
  const { initContainers, containers } = pod.spec!;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      generateName: generatedName(nameOf(job), index),
      labels: { ...labelsOf(pod), [COMPLETION_INDEX]: String(index) },
      annotations: { ...annotationsOf(pod), [COMPLETION_INDEX]: String(index), ...failureCounts(job, replaced) },
    },
    spec: {
      ...pod.spec!,
      hostname: `${nameOf(job)}-${index}`,
      containers: containers.map(withIndexVariable),
      ...(initContainers ? { initContainers: initContainers.map(withIndexVariable) } : {}),
    },
  };
}

/** Active pods of which one too many runs: without an index, beyond the range, or the second of an index. */
export function misplaced(facts: Pick<Facts, 'job' | 'active' | 'nowMs'>): { pods: Pod[]; left: Pod[] } {
  const pods: Pod[] = [];
  const left: Pod[] = [];
  const byIndex = new Map<number, Pod[]>();
  for (const pod of facts.active) {
    const index = indexOf(pod);
    if (index === undefined || index >= completionsOf(facts.job)) pods.push(pod);
    else if (byIndex.has(index)) byIndex.get(index)!.push(pod);
    else byIndex.set(index, [pod]);
  }
  for (const group of byIndex.values()) {
    const sorted = sortForDeletion(group, facts.nowMs);
    left.push(sorted.pop()!);
    pods.push(...sorted);
  }
  return { pods, left };
}

const sortForDeletion = (pods: readonly Pod[], nowMs: number): Pod[] => [...pods].sort((a, b) => compareForDeletion(a, b, () => 0, nowMs));

function podsForRemoval(facts: Facts, atLeast: number): Pod[] {
  const { pods, left } = isIndexed(facts.job) ? misplaced(facts) : { pods: [], left: [...facts.active] };
  const missing = Math.max(0, atLeast - pods.length);
  return missing === 0 ? pods : [...pods, ...sortForDeletion(left, facts.nowMs).slice(0, missing)];
}

export const dropFinalizer = (pod: Pod, because: string): Write =>
  patch(corev1.pods, pod, 'strategic', { metadata: { '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] } }, because, {
    tolerate: (error) => error instanceof Error && 'code' in error && error.code === 404,
  });

/** Deleted pods that never ran to an end are not counted, so their finalizer goes first. */
function removal(pods: readonly Pod[], because: string): Action[] {
  const tracked = pods.filter(isTracked);
  return [
    ...(tracked.length > 0 ? [atOnce(tracked.map((pod) => dropFinalizer(pod, because)))] : []),
    atOnce(pods.map((pod) => deletePod(pod, because))),
  ];
}

function wantedActive({ job, active, succeeded }: Facts): number {
  const parallelism = job.spec?.parallelism ?? 1;
  // Without completions, any success means that no further pods are started.
  if (job.spec?.completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(parallelism, job.spec.completions - succeeded));
}

export interface Management {
  actions: Action[];
  removed: readonly Pod[];
  created: number;
  /** When pods that have to wait may come. */
  wakeMs?: number;
}

const NOTHING: Management = { actions: [], removed: [], created: 0 };

export function indexesToCreate(facts: Facts, count: number): { indexes: number[]; waitMs: number } {
  const { job, active, terminating, succeededIndexes, failedIndexes = [], delayed, nowMs } = facts;
  const busy = replacesOnlyFailed(job) ? [...active, ...terminating] : active;
  const taken = mergeIndexes(withIndexes(succeededIndexes, indexesOfPods(busy)), failedIndexes);
  const free = firstFree(taken, count, completionsOf(job));
  if (!limitsIndexes(job)) return { indexes: free, waitMs: 0 };
  const waits = new Map(free.map((index) => [index, indexRemainingMs(delayed.get(index), nowMs)]));
  const ready = free.filter((index) => waits.get(index) === 0);
  return { indexes: ready, waitMs: ready.length > 0 || free.length === 0 ? 0 : Math.min(...waits.values()) };
}

function creation(facts: Facts, wanted: number): Management {
  const { job, active, terminating, nowMs } = facts;
  const missing = wanted - active.length - (replacesOnlyFailed(job) ? terminating.length : 0);
  if (missing <= 0) return NOTHING;
  const waitMs = limitsIndexes(job) ? 0 : remainingMs(facts.backoff, nowMs);
  if (waitMs > 0) return { ...NOTHING, wakeMs: nowMs + waitMs };
  const count = Math.min(missing, PODS_PER_PLAN_MAX);
  const because = `${active.length} of ${wanted} pods`;
  let pods: Pod[];
  if (isIndexed(job)) {
    const { indexes, waitMs: indexWaitMs } = indexesToCreate(facts, count);
    if (indexWaitMs > 0) return { ...NOTHING, wakeMs: nowMs + indexWaitMs };
    pods = indexes.map((index) => indexedPod(job, index, facts.delayed.get(index)));
  } else pods = Array<Pod>(count).fill(trackedPod(job));
  if (pods.length === 0) return NOTHING;
  const writes = pods.map((pod) => ({ ...createPod(pod, because), tolerate: namespaceTerminating }));
  return { actions: [slowStart(writes)], removed: [], created: writes.length };
}

/** Deletes what is too much; only when nothing is, creates what is missing. */
export function managePods(facts: Facts): Management {
  if (isSuspended(facts.job)) {
    const pods = podsForRemoval(facts, facts.active.length);
    return pods.length === 0 ? NOTHING : { actions: removal(pods, 'the Job is suspended'), removed: pods, created: 0 };
  }
  const wanted = wantedActive(facts);
  const surplus = podsForRemoval(facts, Math.max(0, facts.active.length - wanted)).slice(0, PODS_PER_PLAN_MAX);
  if (surplus.length > 0) return { actions: removal(surplus, `${facts.active.length} for ${wanted} pods`), removed: surplus, created: 0 };
  return creation(facts, wanted);
}

/** All active pods go when the Job has come to its end; their finalizers go when they are counted. */
export function removeActive(facts: Facts, because: string): Management {
  if (facts.active.length === 0) return NOTHING;
  return { actions: [atOnce(facts.active.map((pod) => deletePod(pod, because)))], removed: facts.active, created: 0 };
}
