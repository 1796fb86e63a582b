// Sets of completion indexes in the compressed form of status, such as `1,3-5` (pkg/controller/job/indexed_job_utils.go).
import type { Pod } from '../pods/pod-state.ts';
import { annotationsOf } from '../runtime/objects.ts';

export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';

export interface Interval {
  first: number;
  last: number;
}

/** In order, with gaps between. */
export type Indexes = readonly Interval[];

const INTEGER = /^[+-]?[0-9]+$/;

/** The pod's index; undefined when it has none. */
export function indexOf(pod: Pod): number | undefined {
  const text = annotationsOf(pod)[COMPLETION_INDEX];
  if (text === undefined || !INTEGER.test(text)) return undefined;
  return Number(text) >= 0 ? Number(text) : undefined;
}

/** Parts that can't be read, and indexes that are no longer wanted, are left out. */
export function parseIndexes(text: string | undefined, completions: number): Indexes {
  const result: Interval[] = [];
  for (const part of (text ?? '').split(',')) {
    const limits = part.split('-');
    if (!limits.slice(0, 2).every((limit) => INTEGER.test(limit))) continue;
    const first = Number(limits[0]);
    if (first >= completions) break;
    const last = Math.min(limits.length > 1 ? Number(limits[1]) : first, completions - 1);
    const previous = result.at(-1);
    if (previous && previous.last === first - 1) previous.last = last;
    else result.push({ first, last });
  }
  return result;
}

export function formatIndexes(indexes: Indexes): string {
  return indexes.map(({ first, last }) => (last === first ? `${first}` : `${first}${last === first + 1 ? ',' : '-'}${last}`)).join(',');
}

export function mergeIndexes(a: Indexes, b: Indexes): Indexes {
  const result: Interval[] = [];
  for (const { first, last } of [...a, ...b].sort((x, y) => x.first - y.first)) {
    const previous = result.at(-1);
    if (!previous || first > previous.last + 1) result.push({ first, last });
    else previous.last = Math.max(previous.last, last);
  }
  return result;
}

export const withIndexes = (indexes: Indexes, more: Iterable<number>): Indexes =>
  mergeIndexes(
    indexes,
    [...new Set(more)].map((index) => ({ first: index, last: index })),
  );

export const countIndexes = (indexes: Indexes): number => indexes.reduce((total, { first, last }) => total + last - first + 1, 0);

export function hasIndex(indexes: Indexes, index: number): boolean {
  let low = 0;
  let high = indexes.length;
  while (high > low) {
    const middle = (low + high) >>> 1;
    if (indexes[middle]!.last >= index) high = middle;
    else low = middle + 1;
  }
  return high < indexes.length && indexes[high]!.first <= index;
}

/** How many of the indexes both have. */
export function countCommon(a: Indexes, b: Indexes): number {
  let common = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    common += Math.max(0, Math.min(a[i]!.last, b[j]!.last) - Math.max(a[i]!.first, b[j]!.first) + 1);
    if (a[i]!.last <= b[j]!.last) i++;
    else j++;
  }
  return common;
}

/** The first `count` indexes below `completions` that are not taken. */
export function firstFree(taken: Indexes, count: number, completions: number): number[] {
  const result: number[] = [];
  let candidate = 0;
  for (const { first, last } of [...taken, { first: completions, last: completions }]) {
    for (; candidate < Math.min(first, completions) && result.length < count; candidate++) result.push(candidate);
    candidate = Math.max(candidate, last + 1);
  }
  return result;
}
