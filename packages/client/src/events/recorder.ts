// Writes core/v1 events about objects as upstream's controllers and kubelet do (client-go tools/record/event.go).
import { corev1 as core, type corev1, type KubeObject, timeText } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import type { Client } from '../client.ts';
import { type Correlated, correlator } from './correlator.ts';
import { eventDelivery, eventNames } from './delivery.ts';

type Wanted = Exclude<Correlated, { write: 'nothing' }>;

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

export function eventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, runtime, component, host } = options;
  const log = runtime.log.named('events');
  const events = client.of(core.events);
  const correlate = correlator();
  const nameOf = eventNames();

  const write = async ({ write: how, event, key }: Wanted): Promise<void> => {
    const { name, namespace } = event.metadata!;
    if (how === 'count') {
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
  const delivery = eventDelivery<Wanted>({
    runtime,
    write,
    reasonOf: ({ event }) => event.reason,
    rejected: ({ event }, error) => {
      const terminating = error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating');
      if (terminating || error.reason === 'AlreadyExists') return;
      log.error('Server rejected event (will not retry!)', error, { reason: event.reason });
    },
  });

  const event: EventRecorder['event'] = (about, type, reason, message, extra = {}) => {
    const nowMs = runtime.clock.now();
    const reference = 'metadata' in about ? referenceTo(about, extra.fieldPath) : (about as corev1.ObjectReference);
    const recorded: corev1.Event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: nameOf(reference.name, nowMs),
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
    };
    const decision = correlate.correlate(recorded, nowMs);
    if (decision.write !== 'nothing') delivery.add(decision);
  };
  return { event, flushed: delivery.flushed };
}
