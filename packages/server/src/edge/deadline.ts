// The `timeout` parameter: how long a caller waits for an answer (apiserver endpoints/filters/request_deadline.go).
import { parseDuration } from '@tiphys/api';
import { StatusError, statusError } from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';

/** No caller waits longer for an answer than this (kube-apiserver's --request-timeout). */
export const ANSWER_TIMEOUT_MAX_MS = 60_000;

const PARAMETER = /[?&]timeout=([^&]*)/;
/** What is passed on to others takes as long as they take. */
const LONG_RUNNING = /\/(?:proxy|log|exec|attach|portforward)(?:[/?]|$)/;

/** Why Go can't read the duration, in its words. */
function durationProblem(text: string): string {
  const shown = JSON.stringify(text);
  const [, unit] = /^[+-]?(?:\d+\.?\d*|\.\d+)([^\d.]*)/.exec(text) ?? [];
  if (unit === undefined) return `time: invalid duration ${shown}`;
  return unit === '' ? `time: missing unit in duration ${shown}` : `time: unknown unit ${JSON.stringify(unit)} in duration ${shown}`;
}

/** undefined: the caller names none, or one that can't be kept. Throws BadRequest for what is no duration. */
export function deadlineMs(url: string): number | undefined {
  const encoded = PARAMETER.exec(url)?.[1];
  if (!encoded || LONG_RUNNING.test(url)) return undefined;
  const text = new URLSearchParams(`timeout=${encoded}`).get('timeout')!;
  const asked = parseDuration(text);
  if (asked === undefined) throw statusError.badRequest(`invalid timeout specified in the request URL - ${durationProblem(text)}`);
  return asked > 0 ? Math.min(asked, ANSWER_TIMEOUT_MAX_MS) : undefined;
}

/** The answer, or a Timeout once the caller's patience is over. */
export async function withinDeadline<T>(clock: Clock, url: string, answer: () => Promise<T>): Promise<T> {
  const limitMs = deadlineMs(url);
  if (limitMs === undefined) return answer();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const why = 'Timeout: request did not complete within requested timeout - context deadline exceeded';
  const timer = clock.after(limitMs, () => reject(new StatusError(504, 'Timeout', why, {})));
  try {
    return await Promise.race([answer(), late]);
  } finally {
    timer.cancel();
  }
}
