// How long a failed pod's replacement has to wait (pkg/controller/job/backoff_utils.go).

import type { corev1 } from '@tiphys/api';
import { type Pod, podCondition } from '../pods/pod-state.ts';
import { annotationsOf, timeMs } from '../runtime/objects.ts';

export const POD_BACKOFF_FIRST_MS = 10_000;
export const POD_BACKOFF_MS_MAX = 600_000;

export const INDEX_FAILURES = 'batch.kubernetes.io/job-index-failure-count';
export const INDEX_IGNORED_FAILURES = 'batch.kubernetes.io/job-index-ignored-failure-count';

/** The latest end of all containers; undefined when one of them has not ended. */
function containersEndedMs(pod: Pod): number | undefined {
  const sidecars = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const statuses: corev1.ContainerStatus[] = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ];
  let latest: number | undefined;
  for (const { state } of statuses) {
    const ended = state?.terminated?.finishedAt;
    if (!ended) return undefined;
    latest = Math.max(latest ?? 0, timeMs(ended));
  }
  return latest;
}

export function finishedMs(pod: Pod): number {
  const ended = containersEndedMs(pod);
  if (ended !== undefined) return ended;
  const ready = podCondition(pod, 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime) return timeMs(ready.lastTransitionTime);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp } = pod.metadata ?? {};
  if (deletionTimestamp) return timeMs(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return timeMs(creationTimestamp);
}

/** Failures since the last success. */
export interface BackoffRecord {
  failures: number;
  lastFailureMs: number;
}

const NO_FAILURES: BackoffRecord = { failures: 0, lastFailureMs: 0 };

export function nextRecord(old: BackoffRecord | undefined, succeeded: readonly Pod[], failed: readonly Pod[]): BackoffRecord {
  const failures = failed.map(finishedMs);
  const lastFailureMs = Math.max(0, ...failures);
  if (succeeded.length === 0) {
    const before = old ?? NO_FAILURES;
    return failures.length === 0 ? before : { failures: before.failures + failures.length, lastFailureMs };
  }
  const lastSuccessMs = Math.max(...succeeded.map(finishedMs));
  const since = failures.filter((ms) => ms > lastSuccessMs).length;
  return since === 0 ? NO_FAILURES : { failures: since, lastFailureMs };
}

const LIMITS = { firstMs: POD_BACKOFF_FIRST_MS, mostMs: POD_BACKOFF_MS_MAX };

/** Milliseconds until the replacement may come; 0 for now. */
export function remainingMs({ failures, lastFailureMs }: BackoffRecord, nowMs: number, { firstMs, mostMs } = LIMITS): number {
  if (failures === 0) return 0;
  const delayMs = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.max(0, delayMs - (nowMs - lastFailureMs));
}

function countOf(pod: Pod, annotation: string): number {
  const text = annotationsOf(pod)[annotation];
  const count = text !== undefined && /^[+]?[0-9]+$/.test(text) ? Number(text) : 0;
  return count <= 2 ** 31 - 1 ? count : 0;
}

/** Failures of the pod's index before this pod that count. */
export const indexFailures = (pod: Pod): number => countOf(pod, INDEX_FAILURES);
export const ignoredIndexFailures = (pod: Pod): number => countOf(pod, INDEX_IGNORED_FAILURES);
export const allIndexFailures = (pod: Pod): number => indexFailures(pod) + ignoredIndexFailures(pod);

export const indexRemainingMs = (lastFailed: Pod | undefined, nowMs: number, limits = LIMITS): number =>
  lastFailed ? remainingMs({ failures: allIndexFailures(lastFailed) + 1, lastFailureMs: finishedMs(lastFailed) }, nowMs, limits) : 0;
