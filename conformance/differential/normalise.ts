// What two servers may say differently, made the same: names and numbers that a server draws, times, and orders that Go's maps leave open.
import { withoutInternalNames } from './internal-names.ts';
import type { Answer } from './server.ts';

const DRAWN_FIELDS = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'nodePort',
  'healthCheckNodePort',
  'clusterIP',
]);
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Moments of this run; seeds have other years. */
const MOMENT = /20(2[1-9]|3[1-9]|[4-9]\d)-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d( UTC)?)/g;
const SERVICE_ADDRESS = /\b10\.(9[6-9]|10\d|11[01])\.\d+\.\d+\b/g;
/** A drawn port in a sentence, or in an object as Go prints it. */
const NODE_PORT = /\b(nodePort:|duplicate nodePort: \{[A-Z]+ )3[0-2]\d{3}\b/g;
/** A version that a story never read, as a scale doesn't show it. */
const RECORDED_VERSION = /(ResourceVersion in record )\(\d+\)/g;
/** The suffix of a volume that admission adds. */
const GENERATED = /\b(kube-api-access-)[a-z0-9]{5}\b/g;

function text(value: string): string {
  return value
    .replace(UUID, '<uid>')
    .replace(MOMENT, '<time>')
    .replace(SERVICE_ADDRESS, '<address>')
    .replace(GENERATED, '$1<suffix>')
    .replace(RECORDED_VERSION, '$1(<version>)')
    .replace(NODE_PORT, '$1<nodePort>');
}

const isObject = (value: unknown): value is Record<string, any> => typeof value === 'object' && value !== null && !Array.isArray(value);

function drawn(key: string, value: unknown): unknown {
  if (key === 'clusterIP') return typeof value === 'string' && /^\d/.test(value) ? text(value) : value;
  if (key === 'nodePort' || key === 'healthCheckNodePort')
    return typeof value === 'number' && value >= 30_000 && value < 32_768 ? `<${key}>` : value;
  return `<${key}>`;
}

/** Entries are ordered by second, so two servers may differ where a second began between two writes. */
const entryKey = (entry: any) => JSON.stringify([entry.operation, entry.manager, entry.subresource, entry.apiVersion]);

function walk(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => walk(item));
    if (key === 'managedFields') return items.sort((a, b) => entryKey(a).localeCompare(entryKey(b)));
    return items;
  }
  if (!isObject(value)) return value;
  const made: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value))
    made[name.replace(GENERATED, '$1<suffix>')] = DRAWN_FIELDS.has(name) && !isObject(inner) ? drawn(name, inner) : walk(inner, name);
  return made;
}

const QUOTED_OBJECT = /"(\{\\"(?:[^"\\]|\\.)*\})"/g;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** An object that a message holds as text: the order of its keys is nobody's business. */
const unordered = (message: string) =>
  withoutInternalNames(message).replace(QUOTED_OBJECT, (whole) => {
    try {
      const object = walk(JSON.parse(JSON.parse(whole))) as Record<string, any>;
      delete object.metadata?.managedFields;
      return JSON.stringify(JSON.stringify(sorted(object)));
    } catch {
      return whole;
    }
  });

const LIST_OF_ERRORS = /errors:\n(?: {2}.*(?:\n|$))+/g;

/** The lines of a list of errors, in an order of their own. */
const sortedErrors = (message: string) =>
  message.replace(LIST_OF_ERRORS, (list) => {
    const [head, ...lines] = list.replace(/\n$/, '').split('\n');
    return [head, ...lines.sort()].join('\n');
  });

/** What is said of a node port that the server drew. */
const withoutPort = (field: string, message: string) =>
  String(field).endsWith('.nodePort') ? message.replace(/\b3[0-2]\d{3}\b/, '<nodePort>') : message;

const LIST_OF_CAUSES = /^([\s\S]*? is invalid: )[\s\S]*$/;

/** Go goes over maps in any order, so causes are a set, and the sentence that joins them is theirs again. */
function status(body: Record<string, any>): Record<string, any> {
  const causes = body.details?.causes;
  if (!Array.isArray(causes)) return typeof body.message === 'string' ? { ...body, message: sortedErrors(body.message) } : body;
  // Keyed by themselves, so that one that is missing doesn't put the others beside their neighbours. Upstream repeats what it says of
  // metadata as often as its strategies ask.
  const set = Object.fromEntries(
    causes.map(({ field, reason, message: why }) => [`${field}: ${reason}: ${unordered(withoutPort(field, why))}`, true]).sort(),
  );
  const message = Object.keys(set).length > 1 ? String(body.message).replace(LIST_OF_CAUSES, '$1…') : unordered(String(body.message));
  return { ...body, message, details: { ...body.details, causes: set } };
}

/** Comparable with another server's answer to the same request. `drawnTexts`: versions to be blotted out; `names`: those that were generated. */
export function normalise(answer: Answer, drawnTexts: readonly string[] = [], names: ReadonlySet<string> = new Set()): Answer {
  let told = answer.body;
  for (const name of names) told = JSON.parse(JSON.stringify(told).replaceAll(name, '<name>'));
  let body = walk(told);
  if (isObject(body) && body.kind === 'Status') {
    for (const each of drawnTexts)
      if (each.length > 0)
        body = JSON.parse(
          JSON.stringify(body)
            .replaceAll(`\\"${each}\\"`, '\\"<version>\\"')
            .replaceAll(`: ${each},`, ': <version>,')
            .replaceAll(`(${each})`, '(<version>)')
            .replaceAll(` ${each})`, ' <version>)')
            .replaceAll(`: ${each}"`, ': <version>"')
            .replaceAll(`resourceVersion:${each}`, 'resourceVersion:<version>'),
        );
    body = status(body as Record<string, any>);
  }
  return { ...answer, warnings: answer.warnings.map(text).sort(), body };
}
