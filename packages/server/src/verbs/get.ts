// GET of one object, from the cache.
import { type ApiResponse, statusError } from '@tiphys/machinery';
import type { Entry } from '../cache/entry.ts';
import { EntryBody } from '../output/bodies.ts';
import type { RequestContext } from '../request/context.ts';
import { parseRevision, tooLarge } from '../request/revision.ts';
import type { Endpoint } from '../resources.ts';

/** The newest entry. Throws NotFound. */
export function entryOf(endpoint: Endpoint, name: string, namespace: string): Entry {
  const entry = endpoint.cache.get(endpoint.keyOf(name, namespace));
  if (!entry) throw statusError.notFound(endpoint.type, name);
  return entry;
}

export async function get(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const { info } = context;
  const asked = parseRevision(info.query.get('resourceVersion') ?? '');
  if (asked > endpoint.cache.revision) throw tooLarge(asked, endpoint.cache.revision);
  const entry = entryOf(endpoint, info.name, info.namespace);
  await endpoint.ready([entry]);
  return { status: 200, headers: {}, body: new EntryBody(endpoint, entry) };
}
