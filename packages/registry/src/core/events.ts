// Events of core/v1, in which form both groups' events are stored (registry/core/event, printers printEvent).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import type { Column } from '../define-resource.ts';
import { integer, since, text, wide } from '../rules/columns.ts';
import { complain, type Errors } from '../rules/errors.ts';
import { isQualifiedName } from '../rules/formats.ts';

type Event = corev1.Event;

/** How long events are kept, as upstream's --event-ttl has it by default. */
export const EVENT_TTL_SECONDS = 3600;

const REASON_MAX = 128;
const ACTION_MAX = 128;
const INSTANCE_MAX = 128;
const NOTE_MAX = 1024;

/** Events of clients that know the new API follow its stricter rules (apis/core/validation/events.go). */
export function checkNewEvent(errors: Errors, event: Event): void {
  const controller = event.reportingComponent ?? '';
  if (!controller) errors.push(fieldError.required('reportingController'));
  else complain(errors, 'reportingController', controller, isQualifiedName(controller));
  const limits: [path: string, value: string | undefined, max: number][] = [
    ['reportingInstance', event.reportingInstance, INSTANCE_MAX],
    ['action', event.action, ACTION_MAX],
    ['reason', event.reason, REASON_MAX],
  ];
  for (const [path, value, max] of limits) {
    if (!value) errors.push(fieldError.required(path));
    else if (value.length > max) errors.push(fieldError.invalid(path, '', `can have at most ${max} characters`));
  }
  if ((event.message ?? '').length > NOTE_MAX) errors.push(fieldError.invalid('message', '', `can have at most ${NOTE_MAX} characters`));
  if (event.type !== 'Normal' && event.type !== 'Warning') {
    errors.push(fieldError.invalid('type', '', `has invalid value: ${event.type ?? ''}`));
  }
}

/** An event lives in the namespace of what it is about; those of cluster-wide objects in default. */
export function checkNamespace(errors: Errors, event: Event, clusterNamespaces: readonly string[]): void {
  const [own, about] = [event.metadata?.namespace ?? '', event.involvedObject?.namespace ?? ''];
  if (about === '' ? clusterNamespaces.includes(own) : own === about) return;
  errors.push(fieldError.invalid('involvedObject.namespace', about, 'does not match event.namespace'));
}

function validate(event: Event): Errors {
  const errors: Errors = [];
  if (!event.eventTime) {
    checkNamespace(errors, event, ['default', 'kube-system', '']);
    return errors;
  }
  checkNamespace(errors, event, ['default', 'kube-system']);
  checkNewEvent(errors, event);
  return errors;
}

const firstSeen = ({ firstTimestamp, eventTime }: Event, nowMs: number) => since(firstTimestamp || eventTime, nowMs);

function lastSeen(event: Event, nowMs: number): string {
  if (event.series) return since(event.series.lastObservedTime, nowMs);
  return event.lastTimestamp ? since(event.lastTimestamp, nowMs) : firstSeen(event, nowMs);
}

function target({ involvedObject }: Event): string {
  const kind = (involvedObject?.kind ?? '').toLowerCase();
  return involvedObject?.name ? `${kind}/${involvedObject.name}` : kind;
}

function source({ source: old, reportingComponent, reportingInstance }: Event): string {
  const component = old?.component || (reportingComponent ?? '');
  const instance = old?.host || (reportingInstance ?? '');
  return instance ? `${component}, ${instance}` : component;
}

export const eventColumns: readonly Column<Event>[] = [
  text('Last Seen', lastSeen),
  text('Type', ({ type }) => type ?? ''),
  text('Reason', ({ reason }) => reason ?? ''),
  text('Object', target),
  wide(text('Subobject', ({ involvedObject }) => involvedObject?.fieldPath ?? '')),
  wide(text('Source', source)),
  text('Message', ({ message }) => (message ?? '').trim()),
  wide(text('First Seen', firstSeen)),
  wide({ ...integer<Event>('Count', ({ series, count }) => series?.count ?? (count || 1)), type: 'string' }),
  wide({ name: 'Name', type: 'string', format: 'name', cell: ({ metadata }) => metadata?.name ?? '' }),
];

export function eventFields(event: Event): Record<string, string> {
  const about = event.involvedObject ?? {};
  return {
    'involvedObject.kind': about.kind ?? '',
    'involvedObject.namespace': about.namespace ?? '',
    'involvedObject.name': about.name ?? '',
    'involvedObject.uid': about.uid ?? '',
    'involvedObject.apiVersion': about.apiVersion ?? '',
    'involvedObject.resourceVersion': about.resourceVersion ?? '',
    'involvedObject.fieldPath': about.fieldPath ?? '',
    reason: event.reason ?? '',
    reportingComponent: event.reportingComponent ?? '',
    source: event.source?.component || (event.reportingComponent ?? ''),
    type: event.type ?? '',
  };
}

export const events = defineBuiltIn<Event>('', 'v1', 'events', {
  validateCreate: validate,
  validateUpdate: validate,
  ttlSeconds: () => EVENT_TTL_SECONDS,
  selectableFields: eventFields,
  columns: eventColumns,
});
