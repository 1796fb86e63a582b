// Surge and unavailability as numbers (apimachinery util/intstr; deployment/util ResolveFenceposts).
import type { appsv1, metav1 } from '@tiphys/api';

/** A number, or a share of the total; undefined when the text is neither. */
export function scaledValue(value: metav1.IntOrString | undefined, total: number, roundUp: boolean): number | undefined {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const percent = /^(-?[0-9]+)%$/.exec(value)?.[1];
  if (percent === undefined) return undefined;
  const share = (Number(percent) * total) / 100;
  return roundUp ? Math.ceil(share) : Math.floor(share);
}

export const replicasOf = (object: { spec?: { replicas?: number } }): number => object.spec?.replicas ?? 1;
export const isRollingUpdate = (d: appsv1.Deployment): boolean => (d.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';

function fenceposts(d: appsv1.Deployment): { surge: number; unavailable: number } {
  const { maxSurge, maxUnavailable } = d.spec?.strategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, replicasOf(d), true);
  const unavailable = scaledValue(maxUnavailable, replicasOf(d), false);
  // One that can't be read makes both nothing.
  if (surge === undefined || unavailable === undefined) return { surge: 0, unavailable: 0 };
  // Both can only be zero by rounding; going on needs one of them.
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

export const maxSurge = (d: appsv1.Deployment): number => (isRollingUpdate(d) ? fenceposts(d).surge : 0);

export function maxUnavailable(d: appsv1.Deployment): number {
  if (!isRollingUpdate(d) || replicasOf(d) === 0) return 0;
  return Math.min(fenceposts(d).unavailable, replicasOf(d));
}

const INT32_MAX = 2 ** 31 - 1;

export function progressDeadlineSeconds(d: appsv1.Deployment): number | undefined {
  const seconds = d.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds === INT32_MAX ? undefined : seconds;
}

export function revisionHistoryLimit(d: appsv1.Deployment): number | undefined {
  const limit = d.spec?.revisionHistoryLimit;
  return limit === undefined || limit === INT32_MAX ? undefined : limit;
}
