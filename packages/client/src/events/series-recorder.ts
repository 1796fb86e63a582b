// Writes events.k8s.io/v1 events as kube-scheduler does: the second event like another makes a series of it, further ones
// are counted and written when the series ends (client-go tools/events/event_broadcaster.go).
import { type corev1, eventsv1 as events, type eventsv1, type KubeObject, microTimeText } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import type { Runtime, Timer } from '@tiphys/runtime';
import type { Client } from '../client.ts';
import { eventDelivery, eventNames } from './delivery.ts';
import { type EventType, referenceTo } from './recorder.ts';

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
  const nameOf = eventNames();

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
  const delivery = eventDelivery<eventsv1.Event>({
    runtime,
    write,
    reasonOf: (event) => event.reason,
    rejected: (_event, error) => log.debug('Server rejected event (will not retry!)', { error: error.message }),
  });
  const endsLater = (key: string): Timer =>
    runtime.clock.after(SERIES_END_MS, () => {
      const series = known.get(key);
      known.delete(key);
      if (series?.event.series && series.event.series.count > 2) delivery.add(series.event);
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
        if (count === 2) delivery.add(series.event);
        return;
      }
      const event: eventsv1.Event = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: nameOf(reference.name, nowMs), namespace: reference.namespace || 'default' },
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
      delivery.add(event);
    },
    flushed: delivery.flushed,
    stop: () => {
      for (const { ends } of known.values()) ends.cancel();
      known.clear();
    },
  };
}
