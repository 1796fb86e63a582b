// Writes events.k8s.io/v1 events as kube-scheduler does: the second event like another makes a series of it, further ones
// are counted and written when the series ends (client-go tools/events/event_broadcaster.go).
import { type corev1, eventsv1 as events, type eventsv1, type KubeObject } from '@tiphys/api';
import { isNotFound, StatusError } from '@tiphys/machinery';
import type { Runtime, Timer } from '@tiphys/runtime';
import type { Client } from '../client.ts';
import { EVENT_ATTEMPTS_MAX, EVENT_QUEUE_MAX, EVENT_RETRY_MS, type EventType, microTimeText, referenceTo } from './recorder.ts';

/** A series ends when nothing was added for so long. */
export const SERIES_END_MS = 360_000;
/** Different events remembered; beyond that every event is written as a new one. */
export const SERIES_MAX = 10_000;

export interface SeriesExtra {
  /** What was tried, such as `Scheduling`. */
  action?: string;
  related?: KubeObject;
}

export interface SeriesRecorder {
  event(regarding: KubeObject | corev1.ObjectReference, type: EventType, reason: string, note: string, extra?: SeriesExtra): void;
  flushed(): Promise<void>;
  stop(): void;
}

export interface SeriesRecorderOptions {
  client: Client;
  runtime: Runtime;
  /** Such as `default-scheduler`. */
  reportingController: string;
  host: string;
}

interface Series {
  event: eventsv1.Event;
  ends: Timer;
}

export function seriesRecorder({ client, runtime, reportingController, host }: SeriesRecorderOptions): SeriesRecorder {
  const resource = client.of(events.events);
  const log = runtime.log.named('events');
  const known = new Map<string, Series>();
  let waiting = 0;
  let sequence = 0;
  let tail: Promise<void> = Promise.resolve();

  const write = async (event: eventsv1.Event): Promise<void> => {
    const { name, namespace } = event.metadata!;
    if (event.series) {
      try {
        await resource.patch(name!, namespace, 'strategic', { series: event.series });
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    await resource.create(event);
  };
  const deliver = async (event: eventsv1.Event): Promise<void> => {
    for (let attempt = 1; attempt <= EVENT_ATTEMPTS_MAX; attempt++) {
      try {
        return await write(event);
      } catch (error) {
        if (error instanceof StatusError) return log.debug('Server rejected event (will not retry!)', { error: error.message });
        if (attempt < EVENT_ATTEMPTS_MAX) await runtime.clock.sleep(EVENT_RETRY_MS * (attempt === 1 ? runtime.random.number() : 1));
      }
    }
    log.error('Unable to write event (retry limit exceeded!)', undefined, { reason: event.reason });
  };
  const enqueue = (event: eventsv1.Event): void => {
    if (waiting >= EVENT_QUEUE_MAX) {
      log.warning('event dropped: too many are waiting', { reason: event.reason });
      return;
    }
    waiting++;
    tail = tail.then(() => deliver(event)).finally(() => waiting--);
  };
  const endsLater = (key: string): Timer =>
    runtime.clock.after(SERIES_END_MS, () => {
      const series = known.get(key);
      known.delete(key);
      if (series?.event.series && series.event.series.count > 2) enqueue(series.event);
    });

  return {
    event: (regarding, type, reason, note, extra = {}) => {
      const nowMs = runtime.clock.now();
      const reference = 'metadata' in regarding ? referenceTo(regarding) : (regarding as corev1.ObjectReference);
      const related = extra.related ? referenceTo(extra.related) : undefined;
      const key = JSON.stringify([reference, related, type, reason, extra.action, note]);
      const series = known.get(key);
      if (series) {
        const count = (series.event.series?.count ?? 1) + 1;
        series.event = { ...series.event, series: { count, lastObservedTime: microTimeText(nowMs) } };
        series.ends.cancel();
        series.ends = endsLater(key);
        if (count === 2) enqueue(series.event);
        return;
      }
      const nanos = BigInt(Math.floor(nowMs)) * 1_000_000n + BigInt(sequence++ % 1_000_000);
      const event: eventsv1.Event = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: `${reference.name}.${nanos.toString(16)}`, namespace: reference.namespace || 'default' },
        eventTime: microTimeText(nowMs),
        reportingController,
        reportingInstance: `${reportingController}-${host}`,
        action: extra.action ?? '',
        reason,
        regarding: reference,
        ...(related ? { related } : {}),
        note,
        type,
      };
      if (known.size < SERIES_MAX) known.set(key, { event, ends: endsLater(key) });
      enqueue(event);
    },
    flushed: () => tail,
    stop: () => {
      for (const { ends } of known.values()) ends.cancel();
      known.clear();
    },
  };
}
