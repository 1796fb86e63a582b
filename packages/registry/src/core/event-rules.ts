// Rules of events in the stored form: what both groups ask, and what events.k8s.io asks besides (apis/core/validation/events.go).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { byteLength, isQualifiedName } from '../rules/formats.ts';

type Event = corev1.Event;
const TEXT_MAX = 128;
const NOTE_MAX = 1024;

/** An event lives in the namespace of what it is about; those of cluster-wide objects in default. */
function checkNamespace(errors: Errors, event: Event): void {
  const [own, about] = [event.metadata?.namespace ?? '', event.involvedObject?.namespace ?? ''];
  const clusterWide = event.eventTime ? ['default', 'kube-system'] : ['', 'default'];
  const fits = about === '' ? clusterWide.includes(own) : Boolean(event.eventTime) || own === about;
  if (!fits) errors.push(fieldError.invalid('involvedObject.namespace', about, 'does not match event.namespace'));
}

/** Holds for events of both groups; those that know eventTime must say who reports what. */
export function checkEvent(errors: Errors, event: Event, controllerField: 'reportingComponent' | 'reportingController'): void {
  checkNamespace(errors, event);
  if (!event.eventTime) return;
  const controller = event.reportingComponent ?? '';
  if (!controller) errors.push(fieldError.required(controllerField));
  complain(errors, controllerField, controller, isQualifiedName(controller));
  for (const name of ['reportingInstance', 'action', 'reason'] as const) {
    const value = event[name] ?? '';
    if (!value) errors.push(fieldError.required(name));
    if (byteLength(value) > TEXT_MAX) errors.push(fieldError.invalid(name, '', `can have at most ${TEXT_MAX} characters`));
  }
  if (byteLength(event.message ?? '') > NOTE_MAX) {
    errors.push(fieldError.invalid('message', '', `can have at most ${NOTE_MAX} characters`));
  }
}

function checkSeries(errors: Errors, { series }: Event): void {
  if (!series) return;
  if ((series.count ?? 0) < 2) errors.push(fieldError.invalid('series.count', '', 'should be at least 2'));
  if (!series.lastObservedTime) errors.push(fieldError.required('series.lastObservedTime'));
}

/** What a new event of events.k8s.io must have, and may not. */
export function checkNewEvent(errors: Errors, event: Event): void {
  checkSeries(errors, event);
  if (!event.eventTime) errors.push(fieldError.required('eventTime'));
  if (event.type !== 'Normal' && event.type !== 'Warning') {
    errors.push(fieldError.invalid('type', '', `has invalid value: ${event.type ?? ''}`));
  }
  for (const name of ['firstTimestamp', 'lastTimestamp', 'count'] as const) {
    if (event[name]) errors.push(fieldError.invalid(name, '', 'needs to be unset'));
  }
  if (event.source?.component || event.source?.host) errors.push(fieldError.invalid('source', '', 'needs to be unset'));
}

const FIXED = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
] as const;

/** What is no pointer is shown though it is not there. */
const ZERO: Readonly<Record<string, unknown>> = { reason: '', message: '', count: 0, type: '', action: '', source: {}, involvedObject: {} };

/** Of an event of events.k8s.io only the series goes on. */
export function checkChangedEvent(errors: Errors, event: Event, old: Event): void {
  if (!sameValue(event.series, old.series)) checkSeries(errors, event);
  for (const name of FIXED) {
    if (!sameValue(event[name], old[name])) errors.push(fieldError.invalid(name, event[name] ?? ZERO[name] ?? null, IMMUTABLE));
  }
  for (const [name, shown] of [
    ['reportingComponent', 'reportingController'],
    ['reportingInstance', 'reportingInstance'],
  ] as const) {
    if ((event[name] ?? '') !== (old[name] ?? '')) errors.push(fieldError.invalid(shown, event[name] ?? '', IMMUTABLE));
  }
}
