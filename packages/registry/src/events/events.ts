// Events of events.k8s.io: another view on the same stored objects (registry/core/event, apis/events/v1/conversion.go).
import { corev1, type eventsv1 } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import { checkChangedEvent, checkEvent, checkNewEvent } from '../core/event-rules.ts';
import { EVENT_TTL_SECONDS, eventColumns, eventFields } from '../core/events.ts';
import type { Column } from '../define-resource.ts';
import type { Errors } from '../rules/errors.ts';

type Event = eventsv1.Event;

/** Names that differ between the two groups. */
const NAMES: readonly (readonly [served: string, stored: string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];

function renamed(object: object, from: 0 | 1): Record<string, unknown> {
  const result: Record<string, unknown> = { ...object };
  for (const names of NAMES) {
    const [old, next] = [names[from], names[1 - from]!];
    if (!(old in result)) continue;
    result[next] = result[old];
    delete result[old];
  }
  return result;
}

const stored = (event: Event) => renamed(event, 0) as unknown as corev1.Event;
const served = (event: corev1.Event) => renamed(event, 1) as unknown as Event;

function validate(event: Event, old?: Event): Errors {
  const errors: Errors = [];
  const core = stored(event);
  checkEvent(errors, core, 'reportingController');
  if (old) checkChangedEvent(errors, core, stored(old));
  else checkNewEvent(errors, core);
  return errors;
}

export const events = defineBuiltIn<Event>('events.k8s.io', 'v1', 'events', {
  conversion: { stored: corev1.events, toStored: stored, fromStored: (object) => served(object as corev1.Event) },
  validateCreate: (event) => validate(event),
  validateUpdate: (event, old) => validate(event, old),
  defaultPropagation: 'Unsupported',
  ttlSeconds: () => EVENT_TTL_SECONDS,
  selectableFields(event) {
    const { involvedObject: _none, ...fields } = eventFields(stored(event)) as Record<string, string>;
    return Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [
        key.replace(/^involvedObject\./, 'regarding.').replace(/^reportingComponent$/, 'reportingController'),
        value,
      ]),
    );
  },
  columns: eventColumns.map((column): Column<Event> => ({ ...column, cell: (event, nowMs) => column.cell(stored(event), nowMs) })),
});
