// The one order of writes that everything else is held against. Every write has a revision, and the store gives them out in the order of
// the writes: so no order has to be searched for, as checkers for stores without revisions must.
import type { History, Selector, Told, Value, Version, WriteOperation } from './history.ts';
import { selects, UNANSWERED } from './history.ts';

export interface Change extends Told {
  previous?: Version;
}

/** First index whose element is above the revision. */
export function firstAfter(sorted: readonly { revision: number }[], revision: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]!.revision <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Truth {
  readonly changes: Change[] = [];
  readonly byKey = new Map<string, Change[]>();
  readonly #selected = new Map<string, Told[]>();

  constructor(told: readonly Told[]) {
    for (const event of told) {
      const ofKey = this.byKey.get(event.key) ?? [];
      this.byKey.set(event.key, ofKey);
      const last = ofKey.at(-1);
      const change: Change = { ...event, ...(last && last.type !== 'DELETED' ? { previous: last } : {}) };
      ofKey.push(change);
      this.changes.push(change);
    }
  }

  /** The last change of a key up to a revision. */
  at(key: string, revision: number): Change | undefined {
    const changes = this.byKey.get(key);
    return changes?.[firstAfter(changes, revision) - 1];
  }

  /** What there is of a key at a revision. */
  present(key: string, revision: number): Version | undefined {
    const change = this.at(key, revision);
    return change?.type === 'DELETED' ? undefined : change;
  }

  /** The revision of the key's next change, or none. */
  next(key: string, revision: number): number {
    const changes = this.byKey.get(key) ?? [];
    return changes[firstAfter(changes, revision)]?.revision ?? Number.POSITIVE_INFINITY;
  }

  list(selector: Selector, revision: number): Version[] {
    const present = Array.from(this.byKey.keys(), (key) => this.present(key, revision)).filter((version) => version !== undefined);
    return present.filter(({ key, value }) => selects(selector, key, value)).sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** What a watch with this selector is told from the beginning on. */
  events(selector: Selector): readonly Told[] {
    const name = JSON.stringify(selector);
    let events = this.#selected.get(name);
    if (!events) {
      events = this.changes.flatMap((change) => told(change, selector) ?? []);
      this.#selected.set(name, events);
    }
    return events;
  }
}

function told(change: Change, selector: Selector): Told | undefined {
  const { key, value, revision, previous, type } = change;
  const was = previous !== undefined && selects(selector, key, previous.value);
  if (type === 'DELETED') return was ? change : undefined;
  if (selects(selector, key, value)) return { ...change, type: was ? 'MODIFIED' : 'ADDED' };
  return was ? { ...previous, type: 'DELETED', revision } : undefined;
}

export const sameValue = (a: Value, b: Value): boolean => a.a === b.a && a.b === b.b && a.on === b.on;

export const sameVersion = (a: Version, b: Version): boolean =>
  a.revision === b.revision && a.key === b.key && a.uid === b.uid && sameValue(a.value, b.value);

/** What a write makes of what was there. */
function expectedValue(write: WriteOperation, previous: Version | undefined): Value {
  const none: Value = { a: '', b: '', on: false };
  const isPartial = write.kind === 'patch' || write.kind === 'apply';
  return { ...none, ...(isPartial ? previous?.value : {}), ...write.set };
}

function explained(write: WriteOperation, change: Change): string | undefined {
  const { previous } = change;
  const what = `${write.kind} of ${write.key} at revision ${change.revision}`;
  if (write.expected !== undefined && previous?.revision !== write.expected) {
    return `${what} demanded revision ${write.expected} and replaced ${previous?.revision}`;
  }
  if (write.kind === 'delete') return change.type === 'DELETED' ? undefined : `${what} deleted nothing`;
  if (write.kind === 'create' && previous) return `${what} replaced revision ${previous.revision}`;
  if ((write.kind === 'update' || write.kind === 'patch') && !previous) return `${what} changed nothing that was there`;
  if (previous && previous.uid !== change.uid) return `${what} changed the uid`;
  if (!sameValue(change.value, expectedValue(write, previous))) return `${what} made ${JSON.stringify(change.value)}`;
  return write.seen && !sameVersion(write.seen, change) ? `${what} was answered with ${JSON.stringify(write.seen)}` : undefined;
}

/** Whether a write that was not answered has made the change. Values are its own, and of deletions the first will do. */
const isOutcome = (write: WriteOperation, change: Change): boolean =>
  write.key === change.key && (write.kind === 'delete') === (change.type === 'DELETED') && explained(write, change) === undefined;

/** Finds each acknowledged write in the truth, and for each change the write that made it. */
export function explain({ operations }: History, truth: Truth): { failures: string[]; revisionOf: Map<WriteOperation, number> } {
  const failures: string[] = [];
  const revisionOf = new Map<WriteOperation, number>();
  const byRevision = new Map(truth.changes.map((change) => [change.revision, change]));
  const byDeletedUid = new Map(truth.changes.flatMap((change) => (change.type === 'DELETED' ? [[change.uid, change]] : [])));
  const unexplained = new Set(truth.changes);
  for (const write of operations) {
    if (write.kind === 'get' || write.kind === 'list' || write.code >= 300) continue;
    const change = write.kind === 'delete' ? byDeletedUid.get(write.uid!) : byRevision.get(write.seen!.revision);
    if (!change || change.key !== write.key) {
      failures.push(`${write.kind} of ${write.key} was acknowledged (${write.seen?.revision ?? write.uid}) and nobody was told of it`);
      continue;
    }
    const problem = explained(write, change);
    if (problem) failures.push(problem);
    if (!unexplained.delete(change)) failures.push(`revision ${change.revision} was given to two writes`);
    revisionOf.set(write, change.revision);
  }
  const unanswered = operations.filter((one) => one.kind !== 'get' && one.kind !== 'list' && one.code === UNANSWERED) as WriteOperation[];
  for (const change of unexplained) {
    const index = unanswered.findIndex((write) => isOutcome(write, change));
    if (index < 0) continue;
    revisionOf.set(unanswered.splice(index, 1)[0]!, change.revision);
    unexplained.delete(change);
  }
  for (const { key, revision, value, previous } of unexplained) {
    const others = operations.filter((one) => 'set' in one && one.key === key && [value.a, value.b].includes((one.set.a ?? one.set.b)!));
    const which = others.length > 0 ? `, of ${JSON.stringify(previous?.value)}; there are ${JSON.stringify(others)}` : '';
    failures.push(`nobody wrote ${key} at revision ${revision}: ${JSON.stringify(value)}${which}`);
  }
  return { failures, revisionOf };
}
