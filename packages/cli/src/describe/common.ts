// What most descriptions have: labels, annotations, tolerations, times and events (kubectl pkg/describe/describe.go).
import { corev1, humanDuration, pathOf } from '@tiphys/api';
import type { Session } from '../kube/session.ts';
import type { Writer } from './writer.ts';

const ANNOTATION_LENGTH_MAX = 140;
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

type Texts = Readonly<Record<string, string>> | undefined | null;

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number) => String(value).padStart(2, '0');

/** RFC 1123 with a numeric zone, in the machine's zone, as Go prints it. */
export function timeText(timestamp: unknown): string {
  if (!timestamp) return 'Mon, 01 Jan 0001 00:00:00 +0000';
  const date = new Date(String(timestamp));
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const day = `${DAYS[date.getDay()]}, ${two(date.getDate())} ${MONTHS[date.getMonth()]} ${date.getFullYear()}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}

export function sinceText(timestamp: unknown, nowMs: number): string {
  return timestamp ? humanDuration(nowMs - Date.parse(String(timestamp))) : '<unknown>';
}

/** `key=value`, one to a line, the title before the first. */
export function writeLabels(w: Writer, title: string, labels: Texts, inner = '\t'): void {
  const keys = Object.keys(labels ?? {}).sort();
  const lines = keys.length === 0 ? ['<none>'] : keys.map((key) => `${key}=${labels![key]}`);
  w.raw(`${title}:${inner}${lines.join(`\n${inner}`)}\n`);
}

export function writeAnnotations(w: Writer, title: string, annotations: Texts): void {
  const keys = Object.keys(annotations ?? {})
    .filter((key) => key !== LAST_APPLIED)
    .sort();
  const shortened = (text: string) => (text.length > ANNOTATION_LENGTH_MAX - 2 ? `${text.slice(0, ANNOTATION_LENGTH_MAX - 2)}...` : text);
  const entries = keys.map((key) => {
    const value = annotations![key]!.replace(/\n$/, '');
    if (value.length + key.length + 2 <= ANNOTATION_LENGTH_MAX && !value.includes('\n')) return `${key}: ${value}`;
    return [`${key}:`, ...value.split('\n').map((line) => `\t  ${shortened(line)}`)].join('\n');
  });
  w.raw(`${title}:\t${entries.length === 0 ? '<none>' : entries.join('\n\t')}\n`);
}

function tolerationText({ key = '', value = '', effect = '', operator, tolerationSeconds }: corev1.Toleration): string {
  const exists = operator === 'Exists' && value === '' ? (key || effect ? ' op=Exists' : 'op=Exists') : '';
  const time = tolerationSeconds === undefined || tolerationSeconds === null ? '' : ` for ${tolerationSeconds}s`;
  return `${key}${value ? `=${value}` : ''}${effect ? `:${effect}` : ''}${exists}${time}`;
}

export function writeTolerations(w: Writer, title: string, tolerations: readonly corev1.Toleration[] | undefined): void {
  const sorted = [...(tolerations ?? [])].sort((a, b) => ((a.key ?? '') < (b.key ?? '') ? -1 : 1));
  w.raw(`${title}:\t${sorted.length === 0 ? '<none>' : sorted.map(tolerationText).join('\n\t')}\n`);
}

export function writeHead(w: Writer, metadata: { name?: string; namespace?: string; labels?: unknown; annotations?: unknown } = {}): void {
  w.line(0, `Name:\t${metadata.name}`);
  w.line(0, `Namespace:\t${metadata.namespace ?? ''}`);
  writeLabels(w, 'Labels', metadata.labels as Texts);
  writeAnnotations(w, 'Annotations', metadata.annotations as Texts);
}

/** What was recorded about an object, oldest first. */
export async function eventsOf(session: Session, object: any): Promise<corev1.Event[]> {
  const { name, namespace, uid } = object.metadata;
  const about: Record<string, string | undefined> = {
    'involvedObject.name': name,
    'involvedObject.namespace': namespace,
    'involvedObject.kind': object.kind,
    // A node's events carry its name in the place of its uid.
    'involvedObject.uid': object.kind === 'Node' ? undefined : uid,
  };
  const fieldSelector = Object.entries(about)
    .filter(([, value]) => value)
    .map(([field, value]) => `${field}=${value}`)
    .join(',');
  const path = pathOf(corev1.events, namespace);
  const { items } = await session.call<{ items: corev1.Event[] }>('GET', path, { query: { fieldSelector, limit: 500 } });
  const last = (event: corev1.Event) => String(event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? '');
  return items.sort((a, b) => (last(a) < last(b) ? -1 : last(a) > last(b) ? 1 : 0));
}

function intervalText(event: corev1.Event, nowMs: number): string {
  const first = sinceText(event.eventTime ?? event.firstTimestamp, nowMs);
  if (event.series) return `${sinceText(event.series.lastObservedTime, nowMs)} (x${event.series.count ?? 0} over ${first})`;
  if ((event.count ?? 0) > 1) return `${sinceText(event.lastTimestamp, nowMs)} (x${event.count} over ${first})`;
  return first;
}

export function writeEvents(w: Writer, events: readonly corev1.Event[] | undefined, nowMs: number): void {
  if (!events) return;
  if (events.length === 0) {
    w.line(0, 'Events:\t<none>');
    return;
  }
  w.flush();
  w.raw('Events:\n  Type\tReason\tAge\tFrom\tMessage\n');
  w.line(1, '----\t------\t----\t----\t-------');
  for (const event of events) {
    const from = event.source?.component || event.reportingComponent || '';
    const path = event.involvedObject?.fieldPath;
    const message = `${path ? `${path}: ` : ''}${(event.message ?? '').trim()}`;
    w.line(1, `${event.type}\t${event.reason}\t${intervalText(event, nowMs)}\t${from}\t${message}`);
  }
}
