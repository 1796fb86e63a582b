// Is a history linearizable, and was every watch told the truth? Each operation takes effect at one revision: a write at its own, a read at
// the least that fits what it saw and is not before that of any operation that was answered when it was asked. Positions chosen so are the
// least possible ones, and all that is demanded of them is that none is too late: if these don't fit, none do. So the check is exact, in
// time n log n, over all keys together (strict serializability, which holds if each key is linearizable and their order is one).
import {
  type GetOperation,
  type History,
  type ListOperation,
  type Operation,
  UNANSWERED,
  type Watched,
  type WriteOperation,
} from './history.ts';
import { explain, firstAfter, sameValue, sameVersion, Truth } from './truth.ts';

const FAILURES_MAX = 20;
type Placed = number | string;

const shown = (operation: Operation): string => {
  const { items, ...rest } = operation as ListOperation;
  return JSON.stringify({ ...rest, ...(items ? { items: items.length } : {}) });
};

/** The least revision from `least` on at which the key is as wanted; a sentence when there is none. */
function leastWhere(truth: Truth, key: string, least: number, fits: (revision: number) => boolean): number | undefined {
  for (let at = least; at < Number.POSITIVE_INFINITY; at = truth.next(key, at)) if (fits(at)) return at;
  return undefined;
}

function placeRefused(write: WriteOperation, truth: Truth, least: number): Placed {
  const { key, code, reason, expected } = write;
  const isThere = (revision: number) => truth.present(key, revision);
  const fits: Record<string, (revision: number) => boolean> = {
    '404 NotFound': (revision) => !isThere(revision),
    '409 AlreadyExists': (revision) => isThere(revision) !== undefined,
    '409 Conflict': (revision) => expected !== undefined && isThere(revision) !== undefined && isThere(revision)!.revision !== expected,
  };
  const fit = fits[`${code} ${reason}`];
  if (!fit) return `was refused with ${code} ${reason}`;
  return leastWhere(truth, key, least, fit) ?? `was refused with ${code} ${reason}, which was not so`;
}

function placeGet({ key, rule, asked, code, seen }: GetOperation, truth: Truth, least: number, newest: number): Placed {
  // A revision of the past is enough for these; the object must still be one that was there.
  const from = rule === 'newest' ? least : rule === 'notOlder' ? asked : 0;
  if (code === 504 && asked > newest) return 0;
  if (code === 404)
    return leastWhere(truth, key, from, (revision) => !truth.present(key, revision)) ?? 'found nothing, and it was always there';
  if (code !== 200 || !seen) return `was answered with ${code}`;
  const is = truth.present(key, seen.revision);
  if (!is || !sameVersion(is, seen)) return `saw what was never there: ${JSON.stringify(seen)}`;
  const at = Math.max(from, seen.revision);
  return at < truth.next(key, seen.revision) ? at : `saw revision ${seen.revision} of ${key}, which was over at ${from}`;
}

function placeList(list: ListOperation, truth: Truth, least: number, newest: number): Placed {
  const { selector, rule, asked, code, revisions, items, compacted } = list;
  if (code === 410)
    return asked <= compacted || revisions.some((revision) => revision <= compacted) ? 0 : 'says that what it asks for is forgotten';
  if (code === 504) return asked > newest ? 0 : 'says that what it asks for has not happened yet';
  if (code !== 200) return `was answered with ${code} ${list.reason}`;
  const [revision] = revisions as [number];
  if (revisions.some((other) => other !== revision)) return 'has pages of several revisions';
  if (rule === 'exact' && revision !== asked) return `holds at ${revision} instead of ${asked}`;
  if (rule === 'notOlder' && revision < asked) return `holds at ${revision}, before ${asked}`;
  if (rule === 'newest' && revision < least) return `holds at ${revision}, and ${least} was known`;
  const there = truth.list(selector, revision);
  if (there.length !== items.length) return `shows ${items.length} objects instead of ${there.length} at ${revision}`;
  const wrong = items.find((item, i) => !sameVersion(item, there[i]!));
  return wrong ? `shows ${JSON.stringify(wrong)} at ${revision}` : revision;
}

/** Positions for all operations, in the order of time. */
function place(history: History, truth: Truth, revisionOf: Map<WriteOperation, number>): string[] {
  const failures: string[] = [];
  const moments = history.operations.flatMap((operation) => [
    { at: operation.invoked, operation, asks: true },
    { at: operation.answered, operation, asks: false },
  ]);
  moments.sort((a, b) => a.at - b.at);
  const least = new Map<Operation, number>();
  const newest = truth.changes.at(-1)?.revision ?? history.start;
  let known = history.start;
  /** Who showed that; it may be that one which is wrong. */
  let shower: Operation | undefined;
  for (const { operation, asks } of moments) {
    if (asks) {
      least.set(operation, known);
      continue;
    }
    const from = least.get(operation)!;
    const position = positionOf(operation, truth, from, newest, revisionOf);
    if (typeof position === 'string') {
      const by = failures.length === 0 && shower ? `, last by ${shown(shower)}` : '';
      failures.push(`${position}: ${shown(operation)} (at least ${from}${by})`);
    } else if (position !== undefined && position > known) {
      known = position;
      shower = operation;
    }
  }
  return failures;
}

/** Undefined: it says nothing about what was known afterwards. */
function positionOf(
  operation: Operation,
  truth: Truth,
  least: number,
  newest: number,
  revisionOf: Map<WriteOperation, number>,
): Placed | undefined {
  if (operation.code === UNANSWERED) {
    const made = revisionOf.get(operation as WriteOperation);
    return made !== undefined && made <= least ? `happened at revision ${made}, and ${least} was known before` : undefined;
  }
  if (operation.kind === 'get') return placeGet(operation, truth, least, newest);
  if (operation.kind === 'list') return placeList(operation, truth, least, newest);
  if (operation.code >= 300) return placeRefused(operation, truth, least);
  const revision = revisionOf.get(operation);
  if (revision === undefined) return 0;
  return revision > least ? revision : `was given revision ${revision}, and ${least} was known before`;
}

function checkInitial(watched: Watched, truth: Truth): string[] {
  const { selector, initial, initialEnd } = watched;
  if (initialEnd === undefined) return [];
  const there = truth.list(selector, initialEnd);
  const isSame = there.length === initial.length && there.every((version, i) => sameVersion(version, initial[i]!));
  return isSame ? [] : [`a watch began with ${initial.length} objects instead of ${there.length} at ${initialEnd}`];
}

/** Ordered, unique, reliable, resumable: exactly the events after its start. Bookmarkable: none is missing before a bookmark. */
export function checkWatch(watched: Watched, truth: Truth): string[] {
  const { selector, told, bookmarks, error, problems } = watched;
  const name = `watch of ${JSON.stringify(selector)} from ${watched.from ?? `initial ${watched.initialEnd}`}`;
  const failures = [...problems, ...checkInitial(watched, truth)].map((problem) => `${name}: ${problem}`);
  const start = watched.from ?? watched.initialEnd;
  if (error !== undefined && error !== UNANSWERED)
    return error === 410 && start !== undefined && start <= (watched.compacted ?? 0)
      ? failures
      : [...failures, `${name} ended with ${error}`];
  if (start === undefined) return failures;
  const expected = truth.events(selector);
  const first = firstAfter(expected, start);
  for (const [i, event] of told.entries()) {
    const is = expected[first + i];
    if (is && is.type === event.type && sameVersion(is, event)) continue;
    failures.push(`${name}: event ${i} is ${JSON.stringify(event)} instead of ${JSON.stringify(is && { ...is, previous: undefined })}`);
    break;
  }
  for (const { revision, after } of bookmarks) {
    const next = expected[first + after];
    if (next && next.revision <= revision) failures.push(`${name}: bookmark ${revision} before the event of revision ${next.revision}`);
    const last = after > 0 ? told[after - 1]!.revision : start;
    if (revision < last) failures.push(`${name}: bookmark ${revision} after ${last}`);
  }
  return failures;
}

/** What does not fit, in sentences. */
export function check(history: History): string[] {
  const [recorder, ...watches] = history.watches as [Watched, ...Watched[]];
  const truth = new Truth(recorder.told);
  const failures = [...recorder.problems];
  for (const [i, { revision, type, key, previous, value }] of truth.changes.entries()) {
    if (revision <= (truth.changes[i - 1]?.revision ?? history.start)) failures.push(`revision ${revision} came after a later one`);
    const isRight = type === 'ADDED' ? !previous : previous !== undefined;
    if (!isRight) failures.push(`${key} was ${type} at ${revision} and was ${previous ? '' : 'not '}there`);
    if (type === 'DELETED' && previous && !sameValue(previous.value, value)) failures.push(`${key} was not told as it was at its deletion`);
  }
  const { failures: unexplained, revisionOf } = explain(history, truth);
  failures.push(...unexplained, ...place(history, truth, revisionOf));
  for (const watched of watches) failures.push(...checkWatch(watched, truth));
  return failures.slice(0, FAILURES_MAX);
}
