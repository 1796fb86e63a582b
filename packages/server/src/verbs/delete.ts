// DELETE of one object.
import type { KubeObject } from '@tiphys/api';
import { type ApiResponse, type Status, statusError } from '@tiphys/machinery';
import type { DeleteOptions } from '@tiphys/registry';
import { EntryBody } from '../output/bodies.ts';
import type { Core, RequestContext } from '../request/context.ts';
import type { Endpoint } from '../resources.ts';
import { entryOf } from './get.ts';
import { OPTIMISTIC_LOCK, remove } from './write.ts';

export async function deleteByRule(
  core: Core,
  endpoint: Endpoint,
  name: string,
  namespace: string,
  _options: DeleteOptions,
): Promise<KubeObject | Status> {
  const entry = entryOf(endpoint, name, namespace);
  const gone = await remove(core, endpoint, entry);
  if (!gone) throw statusError.conflict(endpoint.type, name, OPTIMISTIC_LOCK);
  return endpoint.object(gone);
}

export async function deleteVerb(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const { name, namespace } = context.info;
  const gone = await remove(context.core, endpoint, entryOf(endpoint, name, namespace));
  if (!gone) throw statusError.conflict(endpoint.type, name, OPTIMISTIC_LOCK);
  return { status: 200, headers: {}, body: new EntryBody(endpoint, gone) };
}
