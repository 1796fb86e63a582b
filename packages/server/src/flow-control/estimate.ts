// How wide a request is: lists by what they put together in memory, writes by how many watch what they change
// (apiserver pkg/util/flowcontrol/request). Lists always come from the watch cache here.
import type { RequestInfo } from '../interfaces.ts';
import type { Endpoint, Resources } from '../resources.ts';
import type { Work } from './queue-set.ts';

const BYTES_PER_SEAT = 100_000;
/** A list from the cache is sent piece by piece: no more than this counts. */
const LIST_BYTES_MAX = 1_000_000;
export const LIST_SEATS_MAX = 100;
const WATCHES_PER_SEAT = 10;
/** What telling the watchers of one seat takes. */
const EVENT_MS = 5;

const WRITES = new Set(['create', 'update', 'patch', 'delete']);
const ONE_SEAT: Work = { seats: 1, extraSeatMs: 0 };

function listWork(info: RequestInfo, endpoint: Endpoint, seatsMax: number): Work {
  const { size, bytes } = endpoint.cache;
  if (size === 0) return ONE_SEAT;
  const limit = Number(info.query.get('limit') ?? 0);
  const count = info.name !== '' ? 1 : limit > 0 ? Math.min(limit, size) : size;
  const seats = Math.ceil(Math.min((count * bytes) / size, LIST_BYTES_MAX) / BYTES_PER_SEAT);
  return { seats: Math.max(1, Math.min(seats, seatsMax)), extraSeatMs: 0 };
}

function listsFirst({ query }: RequestInfo): boolean {
  const revision = query.get('resourceVersion') ?? '';
  return query.get('sendInitialEvents') === 'true' || revision === '' || revision === '0';
}

/**
 * `listSeatsMax` is the level's own bound. Watchers are told before a write is answered, so what they cost is charged to the
 * flow, but no seat is kept for it afterwards.
 */
export function workOf(info: RequestInfo, resources: Resources, listSeatsMax: number): Work {
  if (!info.isResourceRequest) return ONE_SEAT;
  const { verb, apiGroup, apiVersion, resource, subresource, namespace, name } = info;
  if (verb === 'list' || (verb === 'watch' && listsFirst(info))) {
    const endpoint = resources.find(apiGroup, apiVersion, resource);
    return endpoint ? listWork(info, endpoint, Math.min(listSeatsMax || LIST_SEATS_MAX, LIST_SEATS_MAX)) : ONE_SEAT;
  }
  if (!WRITES.has(verb) || subresource === 'token') return ONE_SEAT;
  const watchers = resources.find(apiGroup, apiVersion, resource)?.cache.watchersOf(namespace, name) ?? 0;
  return watchers < WATCHES_PER_SEAT ? ONE_SEAT : { seats: 1, extraSeatMs: Math.ceil(watchers / WATCHES_PER_SEAT) * EVENT_MS };
}
