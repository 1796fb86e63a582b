// Decides what becomes of an event: a new object, a higher count on an old one, or nothing because its source talks too
// much (client-go tools/record/events_cache.go). Pure but for its memory.
import type { corev1 } from '@tiphys/api';
import { Lru } from './lru.ts';

/** Keys remembered by each of the three caches. */
export const EVENT_CACHE_MAX = 4096;
/** Similar events (same but for the message) within the interval before they are combined. */
export const SIMILAR_EVENTS_MAX = 10;
export const SIMILAR_INTERVAL_MS = 600_000;
/** Events that one source may emit about one object at once, and the time after which it may emit one more. */
export const SPAM_BURST_MAX = 25;
export const SPAM_REFILL_MS = 300_000;

export type Correlated =
  | { write: 'create'; event: corev1.Event; key: string }
  | { write: 'count'; event: corev1.Event; key: string }
  | { write: 'nothing' };

interface Similar {
  messages: Set<string>;
  lastMs: number;
}

interface Logged {
  count: number;
  firstTimestamp: string | undefined;
  name: string;
}

interface Bucket {
  tokens: number;
  refilledMs: number;
}

function subjectOf(event: corev1.Event): string[] {
  const { involvedObject: about, source } = event;
  return [
    source?.component ?? '',
    source?.host ?? '',
    about.kind ?? '',
    about.namespace ?? '',
    about.name ?? '',
    about.uid ?? '',
    about.apiVersion ?? '',
    event.type ?? '',
  ];
}

const joined = (parts: string[]) => parts.join('\n');
const eventKey = (event: corev1.Event) =>
  joined([...subjectOf(event), event.involvedObject.fieldPath ?? '', event.reason ?? '', event.message ?? '']);
const aggregateKey = (event: corev1.Event) =>
  joined([...subjectOf(event), event.reason ?? '', event.reportingComponent ?? '', event.reportingInstance ?? '']);

export interface Correlator {
  correlate(event: corev1.Event, nowMs: number): Correlated;
  /** The event went away (it expired): the next one like it starts anew. */
  forget(key: string): void;
}

export function correlator(): Correlator {
  const similar = new Lru<Similar>(EVENT_CACHE_MAX);
  const logged = new Lru<Logged | null>(EVENT_CACHE_MAX);
  const buckets = new Lru<Bucket>(EVENT_CACHE_MAX);

  const combined = (event: corev1.Event, nowMs: number): { event: corev1.Event; key: string } => {
    const key = aggregateKey(event);
    let record = similar.get(key);
    if (!record || nowMs - record.lastMs > SIMILAR_INTERVAL_MS) record = { messages: new Set(), lastMs: nowMs };
    record.messages.add(event.message ?? '');
    record.lastMs = nowMs;
    similar.set(key, record);
    if (record.messages.size < SIMILAR_EVENTS_MAX) return { event, key: eventKey(event) };
    const [first] = record.messages;
    record.messages.delete(first!);
    return { event: { ...event, message: `(combined from similar events): ${event.message}` }, key };
  };

  const tooMuch = (event: corev1.Event, nowMs: number): boolean => {
    const key = joined(subjectOf(event));
    const bucket = buckets.get(key) ?? { tokens: SPAM_BURST_MAX, refilledMs: nowMs };
    const tokens = Math.min(SPAM_BURST_MAX, bucket.tokens + (nowMs - bucket.refilledMs) / SPAM_REFILL_MS);
    buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, refilledMs: nowMs });
    return tokens < 1;
  };

  return {
    forget: (key) => logged.set(key, null),
    correlate: (original, nowMs) => {
      const { event, key } = combined(original, nowMs);
      const last = logged.get(key);
      const counted: corev1.Event = last
        ? { ...event, metadata: { ...event.metadata, name: last.name }, firstTimestamp: last.firstTimestamp!, count: last.count + 1 }
        : event;
      logged.set(key, { count: counted.count ?? 1, firstTimestamp: counted.firstTimestamp, name: counted.metadata!.name! });
      if (tooMuch(counted, nowMs)) return { write: 'nothing' };
      return last ? { write: 'count', event: counted, key } : { write: 'create', event: counted, key };
    },
  };
}
