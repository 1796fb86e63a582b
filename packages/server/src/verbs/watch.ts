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

/** Without timeoutSeconds a watch lasts between this and twice this (kube-apiserver's --min-request-timeout). */
export const WATCH_DURATION_MIN_MS = 30 * 60_000;
export const BOOKMARK_INTERVAL_MS = 60_000;
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

/** Changes the watch has missed, or the ERROR event that upstream sends when they are forgotten. */
function missed(endpoint: Endpoint, selection: Selection, after: number): WatchEvent[] | StatusError {
  try {
    const events: WatchEvent[] = [];
    for (const change of endpoint.cache.changesAfter(after)) {
      const event = translate(change, selection);
      if (event) events.push(endpoint.event(event));
    }
    return events;
  } catch (error) {
    if (!(error instanceof RevisionError)) throw error;
    return new StatusError(410, 'Expired', `too old resource version: ${after} (${endpoint.cache.oldest})`);
  }
}

function present(endpoint: Endpoint, selection: Selection): WatchEvent[] {
  const events: WatchEvent[] = [];
  if (selection.key !== undefined) {
    const entry = endpoint.cache.get(selection.key);
    if (entry && selects(selection, entry)) events.push(endpoint.event(new EntryEvent('ADDED', entry)));
    return events;
  }
  for (const [, entry] of endpoint.cache.range(selection.keyPrefix)) {
    if (selects(selection, entry)) events.push(endpoint.event(new EntryEvent('ADDED', entry)));
  }
  return events;
}

export function watch(core: Core, endpoint: Endpoint, options: ListOptions, signal?: AbortSignal): WatchSubscription {
  const plan = planOf(core, endpoint, options);
  const { selection } = options;
  const { clock } = core.runtime;
  const subscribe: WatchSubscription['subscribe'] = (onEvents, onEnd) => {
    const cleanup: (() => void)[] = [];
    let open = true;
    const stop = () => {
      if (!open) return;
      open = false;
      for (const step of cleanup) step();
    };
    const end = () => {
      if (!open) return;
      stop();
      onEnd();
    };
    const send = (events: readonly WatchEvent[]) => {
      if (open && events.length > 0) onEvents(events);
    };
    let afterRevision = plan.after;
    if (plan.initial) {
      afterRevision = endpoint.cache.revision;
      send(present(endpoint, selection));
      if (plan.marksInitialEnd) send([bookmark(endpoint, afterRevision, true)]);
    } else {
      const past = missed(endpoint, selection, afterRevision);
      if (past instanceof StatusError) {
        send([errorEvent(past)]);
        queueMicrotask(end);
        return stop;
      }
      send(past);
    }
    if (!open) return stop;
    const isNew = (event: EntryEvent) => event.entry.revision > afterRevision;
    const future = afterRevision > endpoint.cache.revision;
    cleanup.push(
      endpoint.cache.follow(selection, (events) => {
        const news = future ? events.filter(isNew) : events;
        send(endpoint.sendsStored ? news : news.map((event) => endpoint.event(event)));
      }),
    );
    const mark = () => {
      if (plan.bookmarks && !future) send([bookmark(endpoint, endpoint.cache.revision)]);
    };
    const markLater = () => {
      const timer = clock.after(BOOKMARK_INTERVAL_MS, () => {
        cleanup.splice(cleanup.indexOf(cancel), 1);
        mark();
        if (open) markLater();
      });
      const cancel = () => timer.cancel();
      cleanup.push(cancel);
    };
    if (plan.bookmarks) markLater();
    const timer = clock.after(plan.durationMs, () => {
      mark();
      end();
    });
    cleanup.push(() => timer.cancel());
    if (signal) {
      signal.addEventListener('abort', end, { once: true });
      cleanup.push(() => signal.removeEventListener('abort', end));
      if (signal.aborted) end();
    }
    return stop;
  };
  return { subscribe };
}
