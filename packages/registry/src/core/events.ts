// Events of core/v1, in which form both groups' events are stored (registry/core/event, printers printEvent).
import type { corev1 } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import type { Column } from '../define-resource.ts';
import { integer, since, text, wide } from '../rules/columns.ts';
import type { Errors } from '../rules/errors.ts';
import { nameIsPathSegment } from '../rules/formats.ts';
import { checkEvent } from './event-rules.ts';

type Event = corev1.Event;

/** How long events are kept, as upstream's --event-ttl has it by default. */
export const EVENT_TTL_SECONDS = 3600;

function validate(event: Event): Errors {
  const errors: Errors = [];
  checkEvent(errors, event, 'reportingComponent');
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
  // As of old, any name that fits into a URL.
  validateName: nameIsPathSegment,
  validateCreate: validate,
  validateUpdate: validate,
  defaultPropagation: 'Unsupported',
  ttlSeconds: () => EVENT_TTL_SECONDS,
  selectableFields: eventFields,
  columns: eventColumns,
});
