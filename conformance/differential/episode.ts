// Draws the next request of a story from what the reference answered so far.

import type { Chance } from './chance.ts';
import { changeFor, harmlessChange } from './changes.ts';
import { collectionPath, type Kind, NAMESPACE } from './seeds.ts';
import { applyEdits, type Body, type Edit, type Step } from './step.ts';

/** The name of the volume that admission adds for a pod's token. */
export const TOKEN_VOLUME = /kube-api-access-[a-z0-9]{5}/;
const JSON_TYPE = 'application/json';
const MERGE = 'application/merge-patch+json';
export const STRATEGIC = 'application/strategic-merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const APPLY = 'application/apply-patch+yaml';
const TYPES = [JSON_TYPE, MERGE, STRATEGIC, JSON_PATCH, APPLY, 'text/plain', 'application/yaml'];
const MANAGERS = ['one', 'two', 'three'];
/** Half of all requests are to be invalid; a change is not always one. */
const SPOILED_PERCENT = 55;

export interface Drawing {
  chance: Chance;
  kind: Kind;
  seed: Record<string, any>;
  /** The object as the reference has it. */
  object: Record<string, any> | undefined;
}

const notStatus = (name: string) => name !== 'status';
const onlyStatus = (name: string) => name === 'status';

const namespaceOf = (seed: Record<string, any>) => seed.metadata?.namespace ?? NAMESPACE;
export const basePath = ({ kind, seed }: Pick<Drawing, 'kind' | 'seed'>) => collectionPath(kind, namespaceOf(seed));

function changes({ chance, kind }: Drawing, object: unknown, keep: (name: string) => boolean): Edit[] {
  if (!chance.percent(SPOILED_PERCENT)) return chance.percent(50) ? [harmlessChange(chance)] : [];
  const edits: Edit[] = [];
  for (let left = chance.percent(25) ? 2 : 1; left > 0; left--) edits.push(changeFor(chance, kind.schema, applyEdits(object, edits), keep));
  return edits;
}

/** Rarely, something odd about the request itself. */
function query({ chance }: Drawing, extra: readonly string[] = []): string {
  const parts = [...extra];
  if (chance.percent(20)) parts.push(`fieldValidation=${chance.pick(['Strict', 'Strict', 'Warn', 'Ignore', 'x'])}`);
  if (chance.percent(5)) parts.push(`dryRun=${chance.pick(['All', 'All', 'x'])}`);
  if (chance.percent(10) && !parts.some((part) => part.startsWith('fieldManager')))
    parts.push(`fieldManager=${chance.pick([...MANAGERS, 'x'.repeat(130)])}`);
  if (chance.percent(2)) parts.push('pretty=true');
  return parts.length > 0 ? `?${parts.join('&')}` : '';
}

/** The wrapping of a body, seldom spoiled. */
function envelope({ chance }: Drawing, body: Body): { contentType: string; body: Body } {
  if (chance.percent(1)) return { contentType: chance.pick(TYPES), body };
  if (chance.percent(1)) return { contentType: JSON_TYPE, body: { text: chance.pick(['', '{', '[]', 'null', '"x"', '{"kind":5}', '{}']) } };
  return { contentType: JSON_TYPE, body };
}

const IDENTITY_EDITS: readonly Edit[] = [
  { op: 'set', path: ['apiVersion'], value: 'v2' },
  { op: 'set', path: ['apiVersion'], value: 'example.com/v1' },
  { op: 'set', path: ['kind'], value: 'Other' },
  { op: 'remove', path: ['kind'] },
  { op: 'remove', path: ['apiVersion'] },
  { op: 'set', path: ['metadata', 'namespace'], value: 'other' },
  { op: 'set', path: ['metadata', 'name'], value: 'Bad_Name' },
  { op: 'set', path: ['metadata', 'name'], value: `${'x'.repeat(253)}y` },
  { op: 'remove', path: ['metadata', 'name'] },
  { op: 'set', path: ['metadata', 'uid'], value: 'other' },
  { op: 'set', path: ['metadata', 'resourceVersion'], value: '1' },
  { op: 'set', path: ['metadata', 'resourceVersion'], value: 'x' },
  { op: 'remove', path: ['metadata', 'resourceVersion'] },
  { op: 'set', path: ['metadata', 'finalizers'], value: ['example.com/f'] },
  { op: 'set', path: ['metadata', 'ownerReferences'], value: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'u' }] },
  { op: 'set', path: ['metadata', 'ownerReferences'], value: [{ apiVersion: 'v1', kind: 'Event', name: '', uid: 'u', controller: true }] },
  { op: 'set', path: ['metadata', 'labels'], value: { 'bad key': 'x', a: 'Bad Value' } },
  { op: 'set', path: ['metadata', 'managedFields'], value: [] },
];

/** Edits of a whole object that is sent. */
function objectEdits(drawing: Drawing, object: unknown, keep: (name: string) => boolean): Edit[] {
  const edits = changes(drawing, object, keep);
  return drawing.chance.percent(5) ? [...edits, drawing.chance.pick(IDENTITY_EDITS)] : edits;
}

export function drawCreate(drawing: Drawing, spoil = true): Step {
  const value = drawing.seed;
  const edits = spoil ? objectEdits(drawing, value, () => true) : [];
  return {
    method: 'POST',
    path: `${basePath(drawing)}${spoil ? query(drawing) : ''}`,
    ...(spoil ? envelope(drawing, { value, edits }) : { contentType: JSON_TYPE, body: { value } }),
  };
}

/** The name as the story writes it, so that the story can be told again of another object; seldom in another version of the kind. */
function objectPath({ chance, kind, seed }: Drawing): string {
  const { otherVersions = [] } = kind;
  const version = otherVersions.length > 0 && chance.percent(20) ? chance.pick(otherVersions) : kind.version;
  return `${basePath({ kind: { ...kind, version }, seed })}/${seed.metadata?.name}`;
}

/** The subresources that write the status. */
const statusViews = ({ kind }: Drawing) => ['status', 'approval'].filter((name) => kind.subresources.has(name));

function target(drawing: Drawing): { path: string; keep: (name: string) => boolean } {
  const views = statusViews(drawing);
  if (views.length > 0 && drawing.chance.percent(25))
    return { path: `${objectPath(drawing)}/${drawing.chance.pick(views)}`, keep: drawing.chance.percent(90) ? onlyStatus : () => true };
  return { path: objectPath(drawing), keep: drawing.chance.percent(97) ? notStatus : () => true };
}

function drawPut(drawing: Drawing): Step {
  const { path, keep } = target(drawing);
  return { method: 'PUT', path: `${path}${query(drawing)}`, ...envelope(drawing, { current: objectEdits(drawing, drawing.object, keep) }) };
}

/** What the reference drew by chance, told by name: the other server drew something else. */
function withPlaceholders(value: unknown, object: Record<string, any>): unknown {
  let text = JSON.stringify(value);
  const { clusterIP, ports } = object.spec ?? {};
  if (typeof clusterIP === 'string' && /^\d/.test(clusterIP)) text = text.replaceAll(`"${clusterIP}"`, '"$ADDRESS"');
  if (Array.isArray(ports))
    ports.forEach((port: any, i: number) => {
      if (port?.nodePort) text = text.replaceAll(`"nodePort":${port.nodePort}`, `"nodePort":"$PORT${i}"`);
    });
  const tokens = TOKEN_VOLUME.exec(JSON.stringify(object.spec ?? {}))?.[0];
  if (tokens) text = text.replaceAll(tokens, '$TOKENS');
  return JSON.parse(text);
}

/** The smallest document whose merge makes the change. Lists are sent whole up to where the change lies. */
function patchValue(edit: Edit, object: unknown): unknown {
  if (edit.path.length === 0) return edit.op === 'set' ? edit.value : {};
  const after = applyEdits(object, [edit]) as any;
  const names: string[] = [];
  for (const key of edit.path) {
    if (typeof key === 'number') break;
    names.push(key);
  }
  let value = names.reduce((inner, key) => inner?.[key], after);
  if (value === undefined) value = null;
  return withPlaceholders(
    names.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value),
    object as Record<string, any>,
  );
}

function drawMerge(drawing: Drawing, contentType: string): Step {
  const { path, keep } = target(drawing);
  const [edit = harmlessChange(drawing.chance)] = changes(drawing, drawing.object, keep);
  let value = patchValue(edit, drawing.object);
  if (drawing.chance.percent(4)) value = { ...(value as object), metadata: { resourceVersion: drawing.chance.pick(['1', '$VERSION']) } };
  if (drawing.chance.percent(3)) value = { ...(value as object), metadata: { uid: drawing.chance.pick(['x', '$UID']) } };
  if (contentType === STRATEGIC && drawing.chance.percent(10))
    value = {
      ...(value as object),
      spec: drawing.chance.pick([
        { $patch: 'replace' },
        { $patch: 'delete' },
        { $retainKeys: ['a'] },
        { '$setElementOrder/containers': [{ name: 'main' }] },
        { '$deleteFromPrimitiveList/finalizers': ['a'] },
      ]),
    };
  if (drawing.chance.percent(2))
    return { method: 'PATCH', path, contentType, body: { text: drawing.chance.pick(['', '[]', '{', 'null', '5']) } };
  return { method: 'PATCH', path: `${path}${query(drawing)}`, contentType, body: { value } };
}

const pointer = (path: readonly (string | number)[]) =>
  `/${path.map((key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`;

function drawJsonPatch(drawing: Drawing): Step {
  const { chance } = drawing;
  const { path, keep } = target(drawing);
  const edits = changes(drawing, drawing.object, keep);
  const operations: unknown[] = edits.map((edit) =>
    edit.op === 'remove'
      ? { op: 'remove', path: pointer(edit.path) }
      : edit.op === 'repeat'
        ? { op: 'copy', from: pointer(edit.path), path: `${pointer(edit.path.slice(0, -1))}/-` }
        : { op: chance.pick(['add', 'add', 'replace']), path: pointer(edit.path), value: edit.value },
  );
  if (chance.percent(15))
    operations.unshift(
      chance.pick([
        { op: 'test', path: '/metadata/name', value: '$NAME' },
        { op: 'test', path: '/metadata/name', value: 'x' },
        { op: 'test', path: '/nothing', value: 1 },
        { op: 'remove', path: '/nothing' },
        { op: 'move', from: '/nothing', path: '/metadata/labels' },
        { op: 'x', path: '/a' },
        { path: '/a' },
        { op: 'add', path: '/metadata/labels/z/y', value: 1 },
      ]),
    );
  return { method: 'PATCH', path: `${path}${query(drawing)}`, contentType: JSON_PATCH, body: { value: operations } };
}

/** A part of the seed, or of what is there, as one manager wants it. */
function drawApply(drawing: Drawing): Step {
  const { chance, seed } = drawing;
  const views = statusViews(drawing);
  const view = views.length > 0 && chance.percent(20) ? `/${chance.pick(views)}` : '';
  const value = structuredClone(seed);
  const edits = view ? [changeFor(chance, drawing.kind.schema, value, onlyStatus)] : objectEdits(drawing, value, notStatus);
  const extra = chance.percent(96) ? [`fieldManager=${chance.pick(MANAGERS)}`] : [];
  if (chance.percent(45)) extra.push('force=true');
  const path = `${objectPath(drawing)}${view}`;
  return { method: 'PATCH', path: `${path}${query(drawing, extra)}`, contentType: APPLY, body: { value, edits } };
}

function drawScale(drawing: Drawing): Step {
  const { chance } = drawing;
  const path = `${objectPath(drawing)}/scale`;
  if (chance.percent(50))
    return {
      method: 'PATCH',
      path: `${path}${query(drawing)}`,
      contentType: MERGE,
      body: { value: { spec: { replicas: chance.pick([0, 1, 5, -1, 'x']) } } },
    };
  const value = {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: drawing.seed.metadata.name, namespace: namespaceOf(drawing.seed) },
    spec: { replicas: chance.pick([0, 2, -1, 2147483648]) },
  };
  return {
    method: 'PUT',
    path: `${path}${query(drawing)}`,
    contentType: JSON_TYPE,
    body: { value, edits: chance.percent(20) ? [chance.pick(IDENTITY_EDITS)] : [] },
  };
}

const DELETE_OPTIONS: readonly unknown[] = [
  { preconditions: { uid: '$UID' } },
  { preconditions: { uid: 'other' } },
  { preconditions: { resourceVersion: '$VERSION' } },
  { preconditions: { resourceVersion: '1' } },
  { propagationPolicy: 'Foreground' },
  { propagationPolicy: 'Orphan' },
  { propagationPolicy: 'x' },
  { orphanDependents: true },
  { orphanDependents: true, propagationPolicy: 'Background' },
  { gracePeriodSeconds: 0 },
  { gracePeriodSeconds: -5 },
  { gracePeriodSeconds: 5 },
  { dryRun: ['All'] },
  { dryRun: ['x'] },
  { bogus: 1 },
];

export function drawDelete(drawing: Drawing): Step {
  const path = objectPath(drawing);
  if (drawing.chance.percent(40)) return { method: 'DELETE', path };
  const value = { apiVersion: 'v1', kind: 'DeleteOptions', ...(drawing.chance.pick(DELETE_OPTIONS) as object) };
  return { method: 'DELETE', path, contentType: JSON_TYPE, body: { value } };
}

/** Another request to an object that is there. */
export function drawNext(drawing: Drawing): Step {
  const { chance, kind } = drawing;
  if (kind.subresources.has('scale') && chance.percent(8)) return drawScale(drawing);
  const dice = chance.below(100);
  if (dice < 26) return drawPut(drawing);
  if (dice < 42) return drawMerge(drawing, MERGE);
  if (dice < 58) return drawMerge(drawing, STRATEGIC);
  if (dice < 72) return drawJsonPatch(drawing);
  if (dice < 94) return drawApply(drawing);
  if (dice < 96) return { method: 'GET', path: objectPath(drawing) };
  return drawDelete(drawing);
}

/** An object that isn't there yet: created, or applied. */
export function drawFirst(drawing: Drawing): Step {
  return drawing.kind.verbs.includes('patch') && drawing.chance.percent(20) ? drawApply(drawing) : drawCreate(drawing);
}
