// What happens to an incoming object before admission sees it: owner references without duplicates, managed fields.
import { type OwnerReference, timeText } from '@tiphys/api';
import { type FieldTree, type TrackedType, trackUpdate } from '@tiphys/machinery';
import type { PlainObject } from '../cache/entry.ts';
import type { RequestContext } from '../request/context.ts';
import type { WriteOptions } from '../request/write-options.ts';
import type { Endpoint } from '../resources.ts';

/** Owner references that say the same count once (apiserver endpoints/handlers/rest.go dedupOwnerReferences). */
export function dedupOwnerReferences(context: RequestContext, object: PlainObject, isAdmitted = false): void {
  const owners = object.metadata?.ownerReferences;
  if (!owners || owners.length < 2) return;
  const seen = new Set<string>();
  const duplicates = new Set<string>();
  const unique: OwnerReference[] = [];
  for (const owner of owners) {
    const text = JSON.stringify([owner.apiVersion, owner.kind, owner.name, owner.uid, owner.controller, owner.blockOwnerDeletion]);
    if (seen.has(text)) duplicates.add(owner.uid);
    else {
      seen.add(text);
      unique.push(owner);
    }
  }
  if (duplicates.size === 0) return;
  object.metadata!.ownerReferences = unique;
  context.warnings.push(
    `.metadata.ownerReferences contains duplicate entries${isAdmitted ? ' after mutating admission happens' : ''}; API server dedups owner references in 1.20+, and may reject such requests as ` +
      `early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...duplicates].join(', ')}`,
  );
}

const MAIN_RESET: FieldTree = { 'f:status': {} };
const STATUS_RESET: FieldTree = { 'f:spec': {} };
const trackedTypes = new WeakMap<Endpoint, Map<string, TrackedType>>();

/** The endpoint's type with the fields that a write to this subresource cannot touch. */
export function trackedType(endpoint: Endpoint, subresource: string): TrackedType {
  const known = trackedTypes.get(endpoint) ?? new Map<string, TrackedType>();
  trackedTypes.set(endpoint, known);
  let tracked = known.get(subresource);
  if (!tracked) {
    const { definition } = endpoint;
    const usual = subresource === 'status' ? STATUS_RESET : subresource === '' && definition.status ? MAIN_RESET : undefined;
    const resetFields = definition.resetFields?.[subresource] ?? usual;
    tracked = { ...endpoint.codec.tracked, kind: endpoint.type.kind, ...(resetFields ? { resetFields } : {}) };
    known.set(subresource, tracked);
  }
  return tracked;
}

export function fieldManager(context: RequestContext, endpoint: Endpoint, options: WriteOptions) {
  return {
    name: options.fieldManager,
    apiVersion: endpoint.apiVersion,
    subresource: context.info.subresource,
    time: timeText(context.core.runtime.clock.now()),
  };
}

/** Records in the object's managedFields what this write changes. */
export function track(
  context: RequestContext,
  endpoint: Endpoint,
  old: PlainObject | undefined,
  object: PlainObject,
  options: WriteOptions,
): void {
  const tracked = trackedType(endpoint, context.info.subresource);
  const managedFields = trackUpdate(old, object, fieldManager(context, endpoint, options), tracked);
  if (managedFields && managedFields.length > 0) object.metadata!.managedFields = managedFields;
  else delete object.metadata!.managedFields;
}
