// WATCH: what is there (when asked), what happened since a revision, and what happens from now on, until its time is
// over (apiserver storage/cacher and endpoints/handlers/watch.go).
import type { WatchEvent } from '@tiphys/api';
import { StatusError, type WatchSubscription } from '@tiphys/machinery';
import { RevisionError } from '@tiphys/storage';
import { EntryEvent } from '../cache/entry.ts';
import { type Selection, selects } from '../cache/selection.ts';
import { translate } from '../cache/watch-cache.ts';
import type { Core } from '../request/context.ts';
import type { ListOptions } from '../request/list-options.ts';
import { parseRevision, tooLarge } from '../request/revision.ts';
import type { Endpoint } from '../resources.ts';
import { ConvertedSelection } from './watch-converted.ts';

/** Without timeoutSeconds a watch lasts between this and twice this (kube-apiserver's --min-request-timeout). */
export const WATCH_DURATION_MIN_MS = 30 * 60_000;
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

interface Plan {
  /** Objects that are there come first, as ADDED. */
  initial: boolean;
  /** A bookmark tells when those are through. */
  marksInitialEnd: boolean;
  /** Only changes after this revision are told. */
  after: number;
  bookmarks: boolean;
  durationMs: number;
}

function planOf(core: Core, endpoint: Endpoint, options: ListOptions): Plan {
  const asked = parseRevision(options.resourceVersion);
  const current = endpoint.cache.revision;
  if (options.sendInitialEvents && asked > current) throw tooLarge(asked, current);
  const seconds = options.timeoutSeconds ?? 0;
  return {
    initial: options.sendInitialEvents === true,
    marksInitialEnd: options.sendInitialEvents === true && options.allowWatchBookmarks,
    after: asked === 0 || options.sendInitialEvents ? current : asked,
    bookmarks: options.allowWatchBookmarks,
    durationMs: seconds > 0 ? seconds * 1000 : WATCH_DURATION_MIN_MS * (1 + core.runtime.random.number()),
  };
}

function bookmark(endpoint: Endpoint, revision: number, initialEnd = false): WatchEvent {
  const annotations = initialEnd ? { annotations: { [INITIAL_EVENTS_END]: 'true' } } : {};
  const { kind } = endpoint.type;
  return {
    type: 'BOOKMARK',
    object: { kind, apiVersion: endpoint.apiVersion, metadata: { resourceVersion: String(revision), ...annotations } },
  };
}

const errorEvent = (error: StatusError): WatchEvent => ({ type: 'ERROR', object: error.status() as WatchEvent['object'] });

/** Changes the watch has missed, with how many had to be looked at, or the ERROR event that upstream sends when they are forgotten. */
function missed(endpoint: Endpoint, selection: Selection, after: number): Past | StatusError {
  try {
    const events: EntryEvent[] = [];
    const changes = endpoint.cache.changesAfter(after);
    for (const change of changes) {
      const event = translate(change, selection);
      if (event) events.push(event);
    }
    return { events, looked: changes.length };
  } catch (error) {
    if (!(error instanceof RevisionError)) throw error;
    return new StatusError(410, 'Expired', `too old resource version: ${after} (${endpoint.cache.oldest})`);
  }
}

function present(endpoint: Endpoint, selection: Selection): Past {
  const events: EntryEvent[] = [];
  let looked = 0;
  if (selection.key !== undefined) {
    const entry = endpoint.cache.get(selection.key);
    if (entry && selects(selection, entry)) events.push(new EntryEvent('ADDED', entry));
    return { events, looked: 1 };
  }
  for (const [, entry] of endpoint.cache.range(selection.keyPrefix)) {
    looked++;
    if (selects(selection, entry)) events.push(new EntryEvent('ADDED', entry));
  }
  return { events, looked };
}

/** What a watch begins with, and of how many objects or changes it was chosen. */
interface Past {
  events: EntryEvent[];
  looked: number;
}

type OnEvents = (events: readonly WatchEvent[]) => void;

/** One subscription: from its first events to its end. */
class Run {
  readonly #core: Core;
  readonly #endpoint: Endpoint;
  readonly #selection: Selection;
  readonly #plan: Plan;
  readonly #onEvents: OnEvents;
  readonly #onEnd: () => void;
  /** Set where objects are selected by what a webhook makes of them. */
  readonly #converted: ConvertedSelection | undefined;
  readonly #cleanup = new Set<() => void>();
  #open = true;
  /** What waits for objects to be converted, in order. Only where a webhook converts. */
  #queue: Promise<void> = Promise.resolve();
  /** Events up to this revision have been told, or are not wanted. */
  #told: number;

  constructor(core: Core, endpoint: Endpoint, selection: Selection, plan: Plan, onEvents: OnEvents, onEnd: () => void) {
    this.#core = core;
    this.#endpoint = endpoint;
    if (endpoint.asksToConvert && selection.matches) {
      const { matches, field: _, ...range } = selection;
      this.#converted = new ConvertedSelection(endpoint, matches);
      this.#selection = range;
    } else this.#selection = selection;
    this.#plan = plan;
    this.#onEvents = onEvents;
    this.#onEnd = onEnd;
    this.#told = plan.after;
  }

  start(signal: AbortSignal | undefined): void {
    const past = this.#past();
    const initialEnd = this.#told;
    if (past instanceof StatusError) {
      this.#send([errorEvent(past)]);
      queueMicrotask(this.end);
      return;
    }
    if (this.#converted && !this.#plan.initial) this.#knowBase(this.#converted);
    this.#core.metrics.watchBegan(this.#endpoint, past.looked);
    this.#tell(past.events);
    if (this.#plan.marksInitialEnd) this.#then(() => this.#send([bookmark(this.#endpoint, initialEnd, true)]));
    if (!this.#open) return;
    this.#cleanup.add(this.#endpoint.cache.follow(this.#selection, (events) => this.#news(events), this.end));
    if (this.#plan.bookmarks) {
      this.#cleanup.add(this.#core.rounds.add(() => this.#mark()));
      this.#cleanup.add(this.#endpoint.cache.takeTurns(() => this.#mark()));
    }
    const timer = this.#core.runtime.clock.after(this.#plan.durationMs, () => {
      this.#mark();
      this.#then(this.end);
    });
    this.#cleanup.add(() => timer.cancel());
    if (!signal) return;
    signal.addEventListener('abort', this.end, { once: true });
    this.#cleanup.add(() => signal.removeEventListener('abort', this.end));
    if (signal.aborted) this.end();
  }

  /** The subscriber wants no more. */
  stop = (): void => {
    if (!this.#open) return;
    this.#open = false;
    for (const step of this.#cleanup) step();
  };

  /** The server has no more. */
  end = (): void => {
    if (!this.#open) return;
    this.stop();
    this.#onEnd();
  };

  #past(): Past | StatusError {
    if (!this.#plan.initial) return missed(this.#endpoint, this.#selection, this.#told);
    this.#told = this.#endpoint.cache.revision;
    return present(this.#endpoint, this.#selection);
  }

  #news(events: readonly EntryEvent[]): void {
    const news = events[0]!.entry.revision > this.#told ? events : events.filter((event) => event.entry.revision > this.#told);
    this.#tell(news);
  }

  /** What was there at the revision that the watch starts from. */
  #knowBase(converted: ConvertedSelection): void {
    const { cache } = this.#endpoint;
    const { key, keyPrefix } = this.#selection;
    const source = this.#told < cache.revision ? cache.past(keyPrefix, this.#told) : cache;
    const entries = Array.from(source.range(keyPrefix), ([, entry]) => entry).filter((entry) => key === undefined || entry.key === key);
    this.#then(() => converted.begin(entries));
  }

  /** In this endpoint's version; at once unless a webhook has to convert something. */
  #tell(events: readonly EntryEvent[]): void {
    if (!this.#endpoint.asksToConvert) {
      this.#send(this.#shown(events));
      return;
    }
    const selection = this.#converted;
    if (selection) {
      this.#then(async () => this.#send(await selection.events(events)));
      return;
    }
    const converted = this.#endpoint.ready(events.map((event) => event.entry));
    this.#then(async () => {
      await converted;
      this.#send(this.#shown(events));
    });
    // Its failure is told when its turn comes.
    converted?.catch(() => {});
  }

  #shown(events: readonly EntryEvent[]): readonly WatchEvent[] {
    return this.#endpoint.sendsAllStored ? events : events.map((event) => this.#endpoint.event(event));
  }

  /** After everything that was told before. */
  #then(act: () => void | Promise<void>): void {
    if (!this.#endpoint.asksToConvert) {
      void act();
      return;
    }
    this.#queue = this.#queue.then(act).catch((error) => {
      const status = error instanceof StatusError ? error : new StatusError(500, 'InternalError', String(error));
      this.#send([errorEvent(status)]);
      this.end();
    });
  }

  #send(events: readonly WatchEvent[]): void {
    if (this.#open && events.length > 0) this.#onEvents(events);
  }

  /** None before the revision that the watch starts from, should that lie in the future. */
  #mark(): void {
    const { revision } = this.#endpoint.cache;
    if (this.#plan.bookmarks && revision >= this.#told) this.#then(() => this.#send([bookmark(this.#endpoint, revision)]));
  }
}

export function watch(core: Core, endpoint: Endpoint, options: ListOptions, signal?: AbortSignal): WatchSubscription {
  const plan = planOf(core, endpoint, options);
  return {
    subscribe: (onEvents, onEnd) => {
      const run = new Run(core, endpoint, options.selection, plan, onEvents, onEnd);
      run.start(signal);
      return run.stop;
    },
  };
}
