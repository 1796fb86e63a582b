// What happens to an incoming object before admission sees it: owner references without duplicates, managed fields.
import type { OwnerReference } from '@tiphys/api';
import type { PlainObject } from '../cache/entry.ts';
import type { RequestContext } from '../request/context.ts';
import type { WriteOptions } from '../request/write-options.ts';
import type { Endpoint } from '../resources.ts';

/** Owner references that say the same count once (apiserver endpoints/handlers/rest.go dedupOwnerReferences). */
export function dedupOwnerReferences(context: RequestContext, object: PlainObject): void {
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
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as ` +
      `early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...duplicates].join(', ')}`,
  );
}

export function prepareNew(context: RequestContext, _endpoint: Endpoint, object: PlainObject, _options: WriteOptions): void {
  dedupOwnerReferences(context, object);
  delete object.metadata!.managedFields;
}
