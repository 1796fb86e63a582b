// Writes core/v1 events about objects as upstream's controllers and kubelet do (client-go tools/record/event.go).
import { corev1 as core, type corev1, type KubeObject } from '@tiphys/api';
import { isNotFound, StatusError } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import type { Client } from '../client.ts';
import { type Correlated, correlator } from './correlator.ts';

/** Events waiting to be written; further ones are dropped, as upstream's broadcaster does. */
export const EVENT_QUEUE_MAX = 1000;
/** Attempts to write one event while the server can't be reached. */
export const EVENT_ATTEMPTS_MAX = 12;
export const EVENT_RETRY_MS = 10_000;

export type EventType = 'Normal' | 'Warning';

export interface EventRecorder {
  /** Never waits and never throws. `about` must carry kind and apiVersion, or be a reference. */
  event(about: KubeObject | corev1.ObjectReference, type: EventType, reason: string, message: string, extra?: EventExtra): void;
  /** Resolves when everything recorded so far has been written or given up. */
  flushed(): Promise<void>;
}

export interface EventExtra {
  annotations?: Record<string, string>;
  /** Such as `spec.containers{web}`. */
  fieldPath?: string;
}

export interface EventRecorderOptions {
  client: Client;
  runtime: Runtime;
  /** Such as `deployment-controller`. */
  component: string;
  /** The node's name, for the kubelet. */
  host?: string;
}

/** What an event is about (client-go tools/reference/ref.go). */
export function referenceTo(object: KubeObject, fieldPath?: string): corev1.ObjectReference {
  const { metadata = {} } = object;
  return {
    ...(object.kind ? { kind: object.kind } : {}),
    ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
    ...(metadata.name ? { name: metadata.name } : {}),
    ...(metadata.uid ? { uid: metadata.uid } : {}),
    ...(object.apiVersion ? { apiVersion: object.apiVersion } : {}),
    ...(metadata.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {}),
    ...(fieldPath ? { fieldPath } : {}),
  };
}

/** Whole seconds, as metav1.Time is written. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Microseconds, as metav1.MicroTime is written. */
export function microTimeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

export function eventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, runtime, component, host } = options;
  const log = runtime.log.named('events');
  const events = client.of(core.events);
  const correlate = correlator();
  let waiting = 0;
  let sequence = 0;
  let tail: Promise<void> = Promise.resolve();

  const write = async (decision: Exclude<Correlated, { write: 'nothing' }>): Promise<void> => {
    const { event, key } = decision;
    const { name, namespace } = event.metadata!;
    if (decision.write === 'count') {
      const patch = { count: event.count, lastTimestamp: event.lastTimestamp, message: event.message };
      try {
        await events.patch(name!, namespace, 'strategic', patch);
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
        correlate.forget(key);
      }
    }
    await events.create(event);
  };

  const deliver = async (decision: Exclude<Correlated, { write: 'nothing' }>): Promise<void> => {
    for (let attempt = 1; attempt <= EVENT_ATTEMPTS_MAX; attempt++) {
      try {
        return await write(decision);
      } catch (error) {
        if (error instanceof StatusError) {
          const terminating = error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating');
          const expected = terminating || error.reason === 'AlreadyExists';
          if (!expected) log.error('Server rejected event (will not retry!)', error, { reason: decision.event.reason });
          return;
        }
        if (attempt < EVENT_ATTEMPTS_MAX) await runtime.clock.sleep(EVENT_RETRY_MS * (attempt === 1 ? runtime.random.number() : 1));
      }
    }
    log.error('Unable to write event (retry limit exceeded!)', undefined, { reason: decision.event.reason });
  };

  const event: EventRecorder['event'] = (about, type, reason, message, extra = {}) => {
    if (waiting >= EVENT_QUEUE_MAX) return log.warning('event dropped: too many are waiting', { reason });
    const nowMs = runtime.clock.now();
    const reference = 'metadata' in about ? referenceTo(about, extra.fieldPath) : (about as corev1.ObjectReference);
    // Nanoseconds since the epoch name the event; the sequence keeps names apart within a millisecond.
    const nanos = BigInt(Math.floor(nowMs)) * 1_000_000n + BigInt(sequence++ % 1_000_000);
    const decision = correlate.correlate(
      {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: {
          name: `${reference.name}.${nanos.toString(16)}`,
          namespace: reference.namespace || 'default',
          ...(extra.annotations ? { annotations: extra.annotations } : {}),
        },
        involvedObject: reference,
        reason,
        message,
        source: { component, ...(host ? { host } : {}) },
        firstTimestamp: timeText(nowMs),
        lastTimestamp: timeText(nowMs),
        count: 1,
        type,
        reportingComponent: component,
        reportingInstance: host ?? '',
      },
      nowMs,
    );
    if (decision.write === 'nothing') return;
    waiting++;
    tail = tail.then(() => deliver(decision)).finally(() => waiting--);
  };
  return { event, flushed: () => tail };
}
