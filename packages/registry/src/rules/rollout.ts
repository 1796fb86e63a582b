// Numbers or percentages of rollouts, and counters of statuses (apis/apps/validation).
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors, nonNegative } from './errors.ts';
import { isPercent } from './formats.ts';

type IntOrPercent = number | string | undefined;

export function checkIntOrPercent(errors: Errors, path: string, value: IntOrPercent): void {
  if (typeof value === 'string') complain(errors, path, value, isPercent(value));
  else nonNegative(errors, path, value);
}

const percentOf = (value: IntOrPercent) => (typeof value === 'string' && /^\d+%$/.test(value) ? Number(value.slice(0, -1)) : undefined);

/** The number, also as a text, or the percentage's; none of what is neither. */
export const amountOf = (value: IntOrPercent) => percentOf(value) ?? (/^[+-]?\d+$/.test(String(value)) ? Number(value) : 0);

export function checkAtMost100Percent(errors: Errors, path: string, value: IntOrPercent): void {
  if ((percentOf(value) ?? 0) > 100) errors.push(fieldError.invalid(path, value, 'must not be greater than 100%'));
}

type Counters = object;
const numberIn = (status: Counters | undefined, name: string) => (status as Record<string, number | undefined> | undefined)?.[name];

/** None below zero. */
export function checkCounters(errors: Errors, status: Counters | undefined, names: readonly string[]): void {
  for (const name of names) nonNegative(errors, `status.${name}`, numberIn(status, name));
}

/** None above the number of replicas, and none available that is not ready. */
export function checkReplicaCounters(
  errors: Errors,
  status: Counters | undefined,
  names: readonly string[],
  readyText = 'readyReplicas',
): void {
  const replicas = numberIn(status, 'replicas') ?? 0;
  for (const name of names) {
    const value = numberIn(status, name) ?? 0;
    if (value > replicas) errors.push(fieldError.invalid(`status.${name}`, value, 'cannot be greater than status.replicas'));
  }
  const available = numberIn(status, 'availableReplicas') ?? 0;
  if (available > (numberIn(status, 'readyReplicas') ?? 0)) {
    errors.push(fieldError.invalid('status.availableReplicas', available, `cannot be greater than ${readyText}`));
  }
}

export function checkCollisions(errors: Errors, now: number | undefined, before: number | undefined): void {
  if (before !== undefined && (now ?? 0) < before) {
    errors.push(fieldError.invalid('status.collisionCount', now ?? 0, 'cannot be decremented'));
  }
}
