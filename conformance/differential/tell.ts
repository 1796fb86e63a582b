// Tells a story to both servers and says where their answers part.

import { TOKEN_VOLUME } from './episode.ts';
import { normalise } from './normalise.ts';
import { partings } from './part.ts';
import type { Answer, Server } from './server.ts';
import { applyEdits, type Body, type Step } from './step.ts';

/** What a server knows of the story so far. */
export interface Side {
  server: Server;
  object: Record<string, any> | undefined;
  /** The newest version of the object, which a scale tells, too. */
  version?: string;
  /** Names that the server made in this story. */
  generated: Set<string>;
}

export interface Telling {
  name: string;
  sides: readonly [Side, Side];
  /** Bodies that the reference was sent: what an accepted difference may hang on. */
  sent: string[];
}

export function telling(servers: readonly [Server, Server], name: string): Telling {
  return {
    name,
    sides: [
      { server: servers[0], object: undefined, generated: new Set() },
      { server: servers[1], object: undefined, generated: new Set() },
    ],
    sent: [],
  };
}

function filled(text: string, { name }: Telling, { object }: Side): string {
  const { uid = '', resourceVersion = '' } = object?.metadata ?? {};
  const number = Number.parseInt(name.replace(/\D/g, '') || '0', 10);
  const address = `10.200.${(number >> 8) & 255}.${number & 255}`;
  return text
    .replaceAll('$NAME', name)
    .replaceAll('$UID', uid)
    .replaceAll('$VERSION', resourceVersion)
    .replaceAll('$IP', address)
    .replaceAll('$TOKENS', () => TOKEN_VOLUME.exec(JSON.stringify(object?.spec ?? {}))?.[0] ?? '')
    .replaceAll('$ADDRESS', String(object?.spec?.clusterIP ?? ''))
    .replace(/"\$PORT(\d+)"/g, (_, i) => String(object?.spec?.ports?.[i]?.nodePort ?? 0));
}

/** Both are sent the same text, in whatever order they told their objects. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, inOrder(inner)]));
}

function sent(body: Body, side: Side): unknown {
  if ('text' in body) return undefined;
  return 'current' in body ? inOrder(applyEdits(side.object ?? {}, body.current)) : applyEdits(body.value, body.edits);
}

const bodyText = (body: Body, side: Side): string => ('text' in body ? body.text : JSON.stringify(sent(body, side)));

/** The name that a server made where the object sent has none. */
function generatedName({ body }: Step, side: Side, answer: Answer): string | undefined {
  const metadata = body && (sent(body, side) as any)?.metadata;
  if (!metadata?.generateName || metadata.name) return undefined;
  const told = answer.body as any;
  return told?.details?.name ?? told?.metadata?.name;
}

async function ask(told: Telling, side: Side, step: Step): Promise<Answer> {
  const body = step.body && filled(bodyText(step.body, side), told, side);
  if (body !== undefined && side === told.sides[0]) told.sent.push(body);
  return side.server.ask(step.method, filled(step.path, told, side), step.contentType, body);
}

/** Kinds whose objects the server itself goes on to change once they are written. */
export const RESTLESS = /customresourcedefinitions|apiservices|flowschemas|prioritylevelconfigurations/;
/** A busy machine may take its time. */
const SETTLED_ATTEMPTS_MAX = 200;
const SETTLED_INTERVAL_MS = 50;
/** Reads in a row that find nothing written since the one before: a server that is busy pauses between two writes. */
const SETTLED_READS_MIN = 3;

function remember(side: Side, step: Step, { status, body }: Answer): void {
  const object = body as Record<string, any> | null;
  const isOwn = status < 300 && !step.path.includes('dryRun=') && object?.kind !== 'Status' && object?.metadata?.resourceVersion;
  // A scale or a binding isn't the object.
  if (isOwn) side.version = String(object.metadata.resourceVersion);
  if (isOwn && (!side.object || side.object.kind === object.kind)) side.object = object;
}

/** Waits until what the servers say of the object is the same; the last difference stays one. */
async function settle(told: Telling, step: Step): Promise<string[]> {
  const [first] = told.sides;
  if (!RESTLESS.test(step.path) || !first.object) return [];
  const name = encodeURIComponent(first.object.metadata.name);
  const path = step.path
    .split('?')[0]!
    .replace(/(customresourcedefinitions|apiservices|flowschemas|prioritylevelconfigurations)(\/.*)?$/, `$1/${name}`);
  let found: string[] = [];
  let quietReads = 0;
  let before = '';
  for (let attempt = 0; attempt < SETTLED_ATTEMPTS_MAX; attempt++) {
    const answers = await Promise.all(told.sides.map((side) => ask(told, side, { method: 'GET', path })));
    const [one, other] = answers.map((answer, i) => normalise(answer, [], told.sides[i]!.generated));
    found = partings(one, other);
    told.sides.forEach((side, i) => {
      remember(side, { method: 'GET', path }, answers[i]!);
    });
    const versions = answers.map(({ body }) => (body as any)?.metadata?.resourceVersion).join();
    quietReads = found.length === 0 && versions === before ? quietReads + 1 : 0;
    if (quietReads >= SETTLED_READS_MIN) return [];
    before = versions;
    await new Promise((resolve) => setTimeout(resolve, SETTLED_INTERVAL_MS));
  }
  return found.map((line) => `settled${line}`);
}

/** Definitions go when the server has seen to their resources; until then they answer as it happens. */
async function untilGone(told: Telling, step: Step): Promise<void> {
  if (!/customresourcedefinitions\/[^/]+$/.test(step.path)) return;
  for (let attempt = 0; attempt < SETTLED_ATTEMPTS_MAX; attempt++) {
    const answers = await Promise.all(told.sides.map((side) => ask(told, side, { method: 'GET', path: step.path })));
    // Others' finalizers may hold it for good; a dry run deletes nothing.
    const isLetGo = ({ status, body }: Answer) => {
      const { deletionTimestamp, finalizers = [] } = (body as any)?.metadata ?? {};
      return status === 404 || !deletionTimestamp || !finalizers.some((name: string) => name.startsWith('customresourcecleanup'));
    };
    if (answers.every(isLetGo)) return;
    await new Promise((resolve) => setTimeout(resolve, SETTLED_INTERVAL_MS));
  }
}

export interface Told {
  /** As normalised. */
  answers: readonly [Answer, Answer];
  lines: string[];
}

/** What a restless kind's status says at once depends on the moment. */
function withoutStatus(answer: Answer, step: Step): Answer {
  const body = answer.body as Record<string, any> | null;
  if (!RESTLESS.test(step.path) || answer.status >= 300 || !body?.metadata) return answer;
  const { status: _status, ...rest } = body;
  const { managedFields: _fields, ...metadata } = body.metadata;
  return { ...answer, body: { ...rest, metadata } };
}

/** Asks both. Lines are `/path: reference → own`. */
export async function tellStep(told: Telling, step: Step): Promise<Told> {
  const drawnTexts = told.sides.flatMap(({ object, version }) => [object?.metadata.resourceVersion, version].filter(Boolean).map(String));
  const given = await Promise.all(told.sides.map((side) => ask(told, side, step)));
  const versions = given.flatMap(({ body }) => {
    const version = (body as any)?.metadata?.resourceVersion;
    return version ? [String(version)] : [];
  });
  const all = [...new Set([...drawnTexts, ...versions])];
  const answers = given.map((answer, i) => {
    const side = told.sides[i]!;
    const name = generatedName(step, side, answer);
    if (name) side.generated.add(name);
    return withoutStatus(normalise(answer, all, side.generated), step);
  }) as [Answer, Answer];
  const isClosed = answers[0].status === 0;
  // A connection that was closed told of no advice.
  const lines = partings(answers[0], isClosed ? { ...answers[1], warnings: [] } : answers[1]);
  told.sides.forEach((side, i) => {
    remember(side, step, given[i]!);
  });
  if (lines.length === 0 && given[0]!.status < 300 && step.method !== 'DELETE') lines.push(...(await settle(told, step)));
  if (lines.length === 0 && given[0]!.status < 300 && step.method === 'DELETE') await untilGone(told, step);
  return { answers, lines };
}

/** Leaves nothing behind that others could trip over. */
export async function cleanUp(told: Telling, path: string): Promise<void> {
  for (const side of told.sides) {
    const name = side.object?.metadata?.name;
    if (!name) continue;
    const url = `${path}/${encodeURIComponent(name)}`;
    const { status, body } = await side.server.ask('DELETE', `${url}?gracePeriodSeconds=0`);
    const finalizers = ((body as any)?.metadata?.finalizers ?? []).length > 0;
    if (status < 300 && finalizers) await side.server.ask('PATCH', url, 'application/merge-patch+json', '{"metadata":{"finalizers":null}}');
  }
}
