// The status subresource: writes of the status alone.
import type { UpdateRules } from '@tiphys/registry';
import type { PlainObject } from '../cache/entry.ts';
import type { Endpoint } from '../resources.ts';

/** Everything but the status and metadata stays as it is, and of the metadata the labels do. */
function keepAllButStatus(object: PlainObject, old: PlainObject): void {
  for (const key of Object.keys(object)) {
    if (key !== 'status' && key !== 'metadata' && !(key in old)) delete object[key];
  }
  for (const key of Object.keys(old)) {
    if (key !== 'status' && key !== 'metadata') object[key] = old[key];
  }
  const metadata = object.metadata!;
  if (old.metadata!.labels) metadata.labels = old.metadata!.labels;
  else delete metadata.labels;
}

const cached = new WeakMap<Endpoint, UpdateRules<any>>();

export function statusRules(endpoint: Endpoint): UpdateRules<any> {
  let rules = cached.get(endpoint);
  if (!rules) {
    const own = endpoint.definition.status ?? {};
    rules = own.prepareForUpdate ? own : { ...own, prepareForUpdate: keepAllButStatus };
    cached.set(endpoint, rules);
  }
  return rules;
}
