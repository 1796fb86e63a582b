// LIST from the watch cache: consistent at one revision, in key order, in pages when asked
// (apiserver storage/etcd3/store.go GetList and storage/cacher).
import { type Status, StatusError } from '@tiphys/machinery';
import { RevisionError } from '@tiphys/storage';
import type { Entry } from '../cache/entry.ts';
import { type Selection, selects } from '../cache/selection.ts';
import { ListBody } from '../output/bodies.ts';
import type { ListOptions } from '../request/list-options.ts';
import { parseRevision, tooLarge } from '../request/revision.ts';
import type { Endpoint } from '../resources.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';

const TOO_OLD_CONTINUE =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue ' +
  'parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided ' +
  'token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was ' +
  'returned and now may show up in the list.';

/** A continue token whose revision was compacted away; the Status carries a token to go on with, without consistency. */
class ExpiredContinue extends StatusError {
  readonly #next: string;
  constructor(next: string) {
    super(410, 'Expired', TOO_OLD_CONTINUE);
    this.#next = next;
  }
  override status(): Status {
    return { ...super.status(), metadata: { continue: this.#next } as unknown as Status['metadata'] };
  }
}

interface Position {
  revision: number;
  /** The past has to be looked up, because the present may differ. */
  past: boolean;
  after?: string;
}

function position(endpoint: Endpoint, options: ListOptions): Position {
  const current = endpoint.cache.revision;
  if (options.continue !== '') {
    if (options.resourceVersion !== '' && options.resourceVersion !== '0') {
      throw new StatusError(400, 'BadRequest', 'specifying resource version is not allowed when using continue');
    }
    const token = decodeContinue(options.continue);
    const after = options.selection.keyPrefix + token.after;
    return token.revision < 0 ? { revision: current, past: false, after } : { revision: token.revision, past: true, after };
  }
  const asked = parseRevision(options.resourceVersion);
  if (asked > current) throw tooLarge(asked, current);
  const exact = options.resourceVersionMatch === 'Exact' || (options.resourceVersionMatch === '' && options.limit > 0 && asked > 0);
  return exact ? { revision: asked, past: true } : { revision: current, past: false };
}

interface Source {
  /** Given where lists by labels and fields are remembered. */
  selected?(selection: Selection, after?: string): Iterable<Entry> | undefined;
  range(keyPrefix: string, after?: string): Iterable<[string, Entry]>;
  count(keyPrefix: string, after?: string): number;
  get(key: string): Entry | undefined;
}

function sourceAt(endpoint: Endpoint, at: Position, options: ListOptions): Source {
  const { cache } = endpoint;
  if (!at.past || at.revision === cache.revision) return cache;
  try {
    return cache.past(options.selection.keyPrefix, at.revision);
  } catch (error) {
    if (!(error instanceof RevisionError)) throw error;
    if (error.kind === 'future') throw tooLarge(at.revision, error.current);
    if (options.continue === '') throw new StatusError(410, 'Expired', 'The resourceVersion for the provided list is too old.');
    throw new ExpiredContinue(encodeContinue({ revision: -1, after: at.after!.slice(options.selection.keyPrefix.length) }));
  }
}

function* chosen(source: Source, selection: Selection, after: string | undefined): Generator<Entry> {
  const { matches, keyPrefix } = selection;
  const known = matches && source.selected?.(selection, after);
  if (known) yield* known;
  else for (const [, entry] of source.range(keyPrefix, after)) if (!matches || matches(entry.content)) yield entry;
}

/** Chosen entries, and whether more lie behind the last. */
function collect(source: Source, selection: Selection, after: string | undefined, limit: number): { entries: Entry[]; more: boolean } {
  if (selection.key !== undefined) {
    const entry = source.get(selection.key);
    const found = entry && selects(selection, entry) && (after === undefined || entry.key > after);
    return { entries: found ? [entry] : [], more: false };
  }
  const entries: Entry[] = [];
  for (const entry of chosen(source, selection, after)) {
    if (limit > 0 && entries.length === limit) return { entries, more: true };
    entries.push(entry);
  }
  return { entries, more: false };
}

export function list(endpoint: Endpoint, options: ListOptions): ListBody {
  const at = position(endpoint, options);
  const source = sourceAt(endpoint, at, options);
  const { selection } = options;
  const { entries, more } = collect(source, selection, at.after, options.limit);
  const remaining = () => source.count(selection.keyPrefix, entries.at(-1)!.key);
  return bodyOf(endpoint, options, at, entries, more ? remaining : undefined);
}

/** The same where a webhook converts objects: they are chosen by what they are in this version. Rejects with StatusError. */
export async function listConverted(endpoint: Endpoint, options: ListOptions): Promise<ListBody> {
  const at = position(endpoint, options);
  const { selection, limit } = options;
  const { matches, field: _, ...range } = selection;
  const { entries: inRange } = collect(sourceAt(endpoint, at, options), range, at.after, 0);
  if (matches) await endpoint.ready(inRange);
  const chosen = matches ? inRange.filter((entry) => matches(endpoint.object(entry))) : inRange;
  const entries = limit > 0 ? chosen.slice(0, limit) : chosen;
  await endpoint.ready(entries);
  const more = chosen.length > entries.length;
  return bodyOf(endpoint, options, at, entries, more ? () => chosen.length - entries.length : undefined);
}

/** Undefined when it is about the past or a page. */
function questionOf({ cache }: Endpoint, selection: Selection, { past, after }: Position, isPage: boolean): string | undefined {
  if (past || after !== undefined || isPage || selection.key !== undefined) return undefined;
  return `${cache.changedAt} ${selection.keyPrefix} ${selection.text ?? ''}`;
}

/** `remaining` is given when more lie behind the last entry. */
function bodyOf(
  endpoint: Endpoint,
  { selection }: ListOptions,
  at: Position,
  entries: readonly Entry[],
  remaining: (() => number) | undefined,
): ListBody {
  const metadata: ConstructorParameters<typeof ListBody>[2] = { resourceVersion: String(at.revision) };
  if (remaining) {
    const last = entries.at(-1)!.key;
    metadata.continue = encodeContinue({ revision: at.revision, after: last.slice(selection.keyPrefix.length) });
    // With a selector the number of what remains is not known without looking at all of it; upstream leaves it out.
    if (selection.matches === undefined) metadata.remainingItemCount = remaining();
  }
  return new ListBody(endpoint, entries, metadata, questionOf(endpoint, selection, at, remaining !== undefined));
}
