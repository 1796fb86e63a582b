// Which start is due, and when to look again (pkg/controller/cronjob/utils.go).
import type { batchv1 } from '@tiphys/api';
import { timeMs } from '../runtime/objects.ts';
import type { Schedule } from './schedule.ts';

/** Missed starts from which on a warning is given. */
export const MISSED_STARTS_MAX = 100;
/** Clocks of several machines differ: look a little after the time. */
const NEXT_SCHEDULE_DELTA_MS = 100;

interface Due {
  earliestMs: number;
  /** The most recent start at or before now. */
  dueMs?: number;
  missed: 'none' | 'few' | 'many';
}

export class NeverScheduled extends Error {
  override name = 'NeverScheduled';
}

function mostRecent(cron: batchv1.CronJob, nowMs: number, schedule: Schedule, withDeadline: boolean): Due {
  let earliestMs = timeMs(cron.status?.lastScheduleTime ?? cron.metadata?.creationTimestamp);
  const deadline = cron.spec?.startingDeadlineSeconds;
  if (withDeadline && deadline !== undefined) earliestMs = Math.max(earliestMs, nowMs - deadline * 1000);
  const first = schedule.next(earliestMs);
  const second = first === undefined ? undefined : schedule.next(first);
  // A date that never comes, such as the 31st of February.
  if (first === undefined || second === undefined) throw new NeverScheduled('time difference between two schedules is less than 1 second');
  if (nowMs < first) return { earliestMs, missed: 'none' };
  if (nowMs < second) return { earliestMs, dueMs: first, missed: 'none' };
  const intervalMs = Math.round((second - first) / 1000) * 1000;
  if (intervalMs < 1000) throw new NeverScheduled('time difference between two schedules is less than 1 second');
  const count = Math.floor((nowMs - first) / intervalMs) + 1;
  let dueMs: number | undefined;
  let ms = schedule.next(first + (count - 2) * intervalMs);
  for (; ms !== undefined && ms <= nowMs; ms = schedule.next(ms)) dueMs = ms;
  return { earliestMs, missed: count > MISSED_STARTS_MAX ? 'many' : 'few', ...(dueMs === undefined ? {} : { dueMs }) };
}

/** When the next start comes; undefined for never. */
export function nextStartMs(cron: batchv1.CronJob, nowMs: number, schedule: Schedule): number | undefined {
  let fromMs = nowMs;
  try {
    const { earliestMs, dueMs, missed } = mostRecent(cron, nowMs, schedule, false);
    fromMs = dueMs ?? (missed === 'none' ? earliestMs : nowMs);
  } catch (error) {
    if (!(error instanceof NeverScheduled)) throw error;
  }
  const next = schedule.next(fromMs);
  return next === undefined ? undefined : next + NEXT_SCHEDULE_DELTA_MS;
}

/** The start that should have happened by now. Throws NeverScheduled. */
export function dueStart(cron: batchv1.CronJob, nowMs: number, schedule: Schedule): { dueMs?: number; tooManyMissed: boolean } {
  const { dueMs, missed } = mostRecent(cron, nowMs, schedule, true);
  return { tooManyMissed: missed === 'many' && dueMs !== undefined, ...(dueMs === undefined ? {} : { dueMs }) };
}
