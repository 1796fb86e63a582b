// The status subresource: writes of the status alone.
import { keepMetadata, type UpdateRules } from '@tiphys/registry';
import type { PlainObject } from '../cache/entry.ts';
import type { Endpoint } from '../resources.ts';

type Rules = Required<Pick<UpdateRules<any>, 'prepareForUpdate'>>['prepareForUpdate'];

/** Everything but the status and metadata stays as it is, and of the metadata what the kind says (rest.ResetObjectMetaForStatus). */
function keepAllButStatus(endpoint: Endpoint): Rules {
  const kept = endpoint.definition.resetFields?.status?.['f:metadata'];
  const keepsMetadata = kept !== undefined && Object.keys(kept).length === 0;
  const fields = keepsMetadata ? undefined : Object.keys(kept ?? {}).map((name) => name.slice(2));
  return (object: PlainObject, old: PlainObject) => {
    for (const key of Object.keys(object)) {
      if (key !== 'status' && key !== 'metadata' && !(key in old)) delete object[key];
    }
    for (const key of Object.keys(old)) {
      if (key !== 'status' && key !== 'metadata') object[key] = old[key];
    }
    keepMetadata(object, old, fields);
  };
}

const cached = new WeakMap<Endpoint, UpdateRules<any>>();

export function statusRules(endpoint: Endpoint): UpdateRules<any> {
  let rules = cached.get(endpoint);
  if (!rules) {
    const own = endpoint.definition.status ?? {};
    rules = own.prepareForUpdate ? own : { ...own, prepareForUpdate: keepAllButStatus(endpoint) };
    cached.set(endpoint, rules);
  }
  return rules;
}
