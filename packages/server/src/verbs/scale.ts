// The scale subresource: autoscaling/v1 Scale over the replica fields of a resource (pkg/registry/apps/*/storage).
import type { KubeObject } from '@tiphys/api';
import {
  type ApiResponse,
  fieldError,
  formatLabelSelector,
  jsonEqual,
  type LabelSelectorObject,
  StatusError,
  statusError,
} from '@tiphys/machinery';
import { ageColumn, type Column, integer, nameColumn, type ScalePaths } from '@tiphys/registry';
import type { PlainObject } from '../cache/entry.ts';
import { builtInCodec, DecodeError } from '../codec.ts';
import { decodeBody } from '../request/body.ts';
import type { RequestContext } from '../request/context.ts';
import { type WriteOptions, writeOptions } from '../request/write-options.ts';
import type { Endpoint } from '../resources.ts';
import { entryOf } from './get.ts';
import { invalidPatch, patchBody, patchType, patchValue } from './patch.ts';
import { track } from './prepare.ts';
import { updateObject } from './update.ts';
import { OPTIMISTIC_LOCK } from './write.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
const scaleCodec = builtInCodec({ schema: 'io.k8s.api.autoscaling.v1.Scale' } as Parameters<typeof builtInCodec>[0]);

interface Scale extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas: number; selector?: string };
}

/** As upstream prints a Scale (printers printScale). */
export const SCALE_COLUMNS: readonly Column<any>[] = [
  nameColumn,
  integer<Scale>('Desired', ({ spec }) => spec?.replicas ?? 0),
  integer<Scale>('Available', ({ status }) => status?.replicas ?? 0),
  ageColumn,
];

function at(object: PlainObject, path: string): unknown {
  let value: unknown = object;
  for (const key of path.replace(/^\./, '').split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function withValueAt(object: PlainObject, path: string, value: number): PlainObject {
  const copy = structuredClone(object);
  const keys = path.replace(/^\./, '').split('.');
  let target = copy as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) {
    target[key] ??= {};
    target = target[key] as Record<string, unknown>;
  }
  target[keys.at(-1)!] = value;
  return copy;
}

function selectorText(selector: unknown): string {
  if (typeof selector === 'string') return selector;
  if (typeof selector !== 'object' || selector === null) return '';
  const map = selector as Record<string, unknown>;
  // ReplicationControllers have a plain map where the others have a LabelSelector.
  const isLabelSelector = 'matchLabels' in map || 'matchExpressions' in map;
  const object = isLabelSelector ? map : { matchLabels: map };
  return formatLabelSelector(object as LabelSelectorObject);
}

export function scaleOf(object: PlainObject, paths: ScalePaths): PlainObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata!;
  const replicas = at(object, paths.specReplicas);
  const selector = paths.selector ? selectorText(at(object, paths.selector)) : '';
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp },
    spec: replicas ? { replicas } : {},
    status: { replicas: (at(object, paths.statusReplicas) as number) ?? 0, ...(selector ? { selector } : {}) },
  } as unknown as PlainObject;
}

const answer = (scale: PlainObject): ApiResponse => ({ status: 200, headers: {}, body: { kind: 'object', object: scale } });

export async function getScale(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const { name, namespace } = context.info;
  const entry = entryOf(endpoint, name, namespace);
  await endpoint.ready([entry]);
  return answer(scaleOf(endpoint.object(entry), endpoint.definition.scale!));
}

export async function updateScale(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const options = writeOptions(context, 'UpdateOptions');
  const scale = decodeBody(context, SCALE, scaleCodec, options.fieldValidation);
  return write(context, endpoint, options, () => scale);
}

function asScale(patched: PlainObject): PlainObject {
  try {
    return scaleCodec.normalize(patched, { strict: false }).object;
  } catch (error) {
    throw error instanceof DecodeError ? invalidPatch(JSON.stringify(patched), error.message) : error;
  }
}

export async function patchScale(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const type = patchType(context, endpoint);
  const options = writeOptions(context, 'PatchOptions');
  const body = patchBody(context, type);
  return write(context, endpoint, options, (current) => {
    if (type.includes('apply') || type.includes('strategic')) {
      const patched = type.includes('apply')
        ? patchValue(current, 'application/merge-patch+json', body)
        : scaleCodec.strategicMerge!(current, body as object);
      return asScale(patched);
    }
    return asScale(patchValue(current, type, body));
  });
}

/** The same object when the number is the same. */
function withReplicas(object: PlainObject, paths: ScalePaths, scale: Scale): PlainObject {
  const replicas = scale.spec?.replicas ?? 0;
  return jsonEqual(at(object, paths.specReplicas) ?? 0, replicas) ? object : withValueAt(object, paths.specReplicas, replicas);
}

/** A Scale's own managers come back without times, and none owns a number of replicas that is left out. */
function forgetTimes(object: PlainObject, paths: ScalePaths, scale: Scale): void {
  const fields = object.metadata!.managedFields;
  if (!fields) return;
  const path = paths.specReplicas.replace(/^\./, '').split('.');
  object.metadata!.managedFields = fields
    .map((entry) => {
      const { time: _time, ...timeless } = entry;
      const own = entry.subresource === 'scale' ? timeless : entry;
      return scale.spec?.replicas ? own : { ...own, fieldsV1: without(own.fieldsV1 as Tree, path) };
    })
    .filter(({ fieldsV1 }) => Object.keys(fieldsV1 ?? {}).length > 0);
}

interface Tree {
  [element: string]: Tree;
}

function without(tree: Tree, [first, ...rest]: readonly string[]): Tree {
  const key = `f:${first}`;
  const { [key]: inner, ...others } = tree ?? {};
  if (!inner) return tree;
  const left = rest.length === 0 ? {} : without(inner, rest);
  return Object.keys(left).length > 0 ? { ...others, [key]: left } : others;
}

async function write(
  context: RequestContext,
  endpoint: Endpoint,
  options: WriteOptions,
  change: (current: PlainObject) => PlainObject,
): Promise<ApiResponse> {
  const paths = endpoint.definition.scale!;
  const { entry } = await updateObject(context, endpoint, {
    options,
    rules: endpoint.definition,
    createsMissing: false,
    view: { of: (object) => scaleOf(object, paths), into: (object, scale) => withReplicas(object, paths, scale) },
    change: (object) => {
      const current = scaleOf(object!, paths);
      const scale = change(current) as Scale;
      check(context, endpoint, scale, current);
      const scaled = structuredClone(withReplicas(object!, paths, scale));
      track(context, endpoint, object, scaled, options);
      forgetTimes(scaled, paths, scale);
      return scaled;
    },
    tracked: true,
  });
  return answer(scaleOf(endpoint.object(entry), paths));
}

function check(context: RequestContext, endpoint: Endpoint, scale: Scale, current: KubeObject): void {
  const { name, namespace } = context.info;
  const metadata = scale.metadata ?? {};
  if (metadata.name !== name) {
    throw new StatusError(
      400,
      'BadRequest',
      `the name of the object (${metadata.name ?? ''}) does not match the name on the URL (${name})`,
    );
  }
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0) {
    const error = fieldError.invalid('spec.replicas', replicas, 'must be greater than or equal to 0');
    throw statusError.invalid(SCALE, name, [error]);
  }
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw statusError.badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (metadata.resourceVersion && metadata.resourceVersion !== current.metadata!.resourceVersion) {
    throw statusError.conflict(endpoint.type, name, OPTIMISTIC_LOCK);
  }
}
