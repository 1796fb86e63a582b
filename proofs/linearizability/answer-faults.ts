// Answers and events that are wrong in one way each, as a faulty cache would give them, for the checker to find.
import type { WatchEvent } from '@tiphys/api';
import type { ApiHandler, ApiRequest, ApiResponse } from '@tiphys/machinery';
import { every } from './store-faults.ts';

export type AnswerFault = (handler: ApiHandler) => ApiHandler;
type Kind = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

function kindOf({ method, url }: ApiRequest): Kind {
  if (method === 'POST') return 'create';
  if (method === 'PUT') return 'update';
  if (method === 'PATCH') return 'patch';
  if (method === 'DELETE') return 'delete';
  return url.includes('watch=true') ? 'watch' : /configmaps\/\w/.test(url) ? 'get' : 'list';
}

const copyOf = (object: unknown): any => JSON.parse(JSON.stringify(object));
const answered = (status: number, object: object): ApiResponse => ({ status, headers: {}, body: { kind: 'object', object } });
const status = (code: number, reason: string) => answered(code, { kind: 'Status', apiVersion: 'v1', code, reason });
const isGood = (response: ApiResponse) => response.status < 300 && response.body.kind === 'object';
const objectOf = (response: ApiResponse): any => (response.body.kind === 'object' ? response.body.object : undefined);
const later = (revision: string, by: number) => String(Number(revision) + by);

/** Every nth request of the kinds is altered. */
function asking(
  kinds: readonly Kind[],
  n: number,
  alter: (request: ApiRequest, handler: ApiHandler) => Promise<ApiResponse> | ApiResponse,
): AnswerFault {
  const isTurn = every(n);
  return (handler) => ({
    handle: async (request) => (kinds.includes(kindOf(request)) && isTurn() ? alter(request, handler) : handler.handle(request)),
  });
}

/** Every nth good answer of the kinds is altered. */
function answering(kinds: readonly Kind[], n: number, alter: (object: any, request: ApiRequest) => ApiResponse | object): AnswerFault {
  const isTurn = every(n);
  return (handler) => ({
    handle: async (request) => {
      const response = await handler.handle(request);
      if (!kinds.includes(kindOf(request)) || !isGood(response) || !isTurn()) return response;
      const altered = alter(copyOf(objectOf(response)), request);
      return 'body' in altered && 'status' in altered && 'headers' in altered
        ? (altered as ApiResponse)
        : answered(response.status, altered);
    },
  });
}

/** What was answered to the same question before. */
function stale(kinds: readonly Kind[], n: number): AnswerFault {
  const before = new Map<string, ApiResponse>();
  const isTurn = every(n);
  return (handler) => ({
    handle: async (request) => {
      if (!kinds.includes(kindOf(request)) || request.url.includes('continue')) return handler.handle(request);
      const known = before.get(request.url);
      if (known && isTurn()) return known;
      const response = await handler.handle(request);
      if (isGood(response)) before.set(request.url, answered(response.status, copyOf(objectOf(response))));
      return response;
    },
  });
}

/** What each watch is told is altered; the first watch, which records the truth, is left alone. */
function telling(alter: (url: URL) => ((event: WatchEvent) => WatchEvent[]) | undefined): AnswerFault {
  let watches = 0;
  return (handler) => ({
    handle: async (request) => {
      const response = await handler.handle(request);
      const { body } = response;
      if (body.kind !== 'watch' || watches++ === 0) return response;
      const change = alter(new URL(request.url, 'https://server'));
      if (!change) return response;
      const subscribe: typeof body.watch.subscribe = (onEvents, onEnd) =>
        body.watch.subscribe((events) => {
          const told = events.flatMap(change);
          if (told.length > 0) onEvents(told);
        }, onEnd);
      return { ...response, body: { kind: 'watch', watch: { subscribe } } };
    },
  });
}

/** The watch is asked for another way. */
function watchingAt(alter: (query: URLSearchParams) => void): AnswerFault {
  let watches = 0;
  return (handler) => ({
    handle: (request) => {
      if (kindOf(request) !== 'watch' || watches++ === 0) return handler.handle(request);
      const url = new URL(request.url, 'https://server');
      alter(url.searchParams);
      return handler.handle({ ...request, url: url.pathname + url.search });
    },
  });
}

const isChange = ({ type }: WatchEvent) => type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED';

function eventsEvery(n: number, concerns: (event: WatchEvent) => boolean, alter: (event: WatchEvent) => WatchEvent[]): AnswerFault {
  return telling(() => {
    const isTurn = every(n);
    return (event) => (concerns(event) && isTurn() ? alter(event) : [event]);
  });
}

const swapping = telling(() => {
  let held: WatchEvent | undefined;
  const isTurn = every(7);
  return (event) => {
    if (held) {
      const both = [event, held];
      held = undefined;
      return both;
    }
    if (!isChange(event) || !isTurn()) return [event];
    held = event;
    return [];
  };
});

const silent = telling(() => {
  let events = 0;
  return (event) => (++events > 40 ? [] : [event]);
});

const withRevision = (event: WatchEvent, by: number): WatchEvent => {
  const object = copyOf(event.object);
  object.metadata.resourceVersion = later(object.metadata.resourceVersion, by);
  return { type: event.type, object };
};

const moved = (query: URLSearchParams, by: number) => {
  if (!query.has('sendInitialEvents')) query.set('resourceVersion', later(query.get('resourceVersion')!, by));
};

const without = (request: ApiRequest, name: 'resourceVersion'): ApiRequest => {
  const body = copyOf(request.body);
  delete body.metadata?.[name];
  return { ...request, body };
};

export const ANSWER_FAULTS: Readonly<Record<string, () => AnswerFault>> = {
  'a get answers what it answered before': () => stale(['get'], 3),
  'a list answers what it answered before': () => stale(['list'], 3),
  'an existing object is not found': () => answering(['get'], 10, () => status(404, 'NotFound')),
  'a get shows a changed uid': () => answering(['get'], 10, (object) => ({ ...object, metadata: { ...object.metadata, uid: 'other' } })),
  'a list claims a later revision': () =>
    answering(['list'], 3, (list) => ({
      ...list,
      metadata: { ...list.metadata, resourceVersion: later(list.metadata.resourceVersion, 2) },
    })),
  'a list misses its last object': () => answering(['list'], 5, (list) => ({ ...list, items: (list.items ?? []).slice(0, -1) })),
  'a list shows an object twice': () =>
    answering(['list'], 5, (list) => ({ ...list, items: [...(list.items ?? []), ...(list.items ?? []).slice(-1)] })),
  'a list at exactly a revision shows the present': () =>
    asking(['list'], 1, async (request, handler) => {
      const url = new URL(request.url, 'https://server');
      if (url.searchParams.get('resourceVersionMatch') !== 'Exact') return handler.handle(request);
      const asked = url.searchParams.get('resourceVersion');
      url.searchParams.delete('resourceVersion');
      url.searchParams.delete('resourceVersionMatch');
      const response = await handler.handle({ ...request, url: url.pathname + url.search });
      if (!isGood(response)) return response;
      const list = copyOf(objectOf(response));
      return answered(200, { ...list, metadata: { ...list.metadata, resourceVersion: asked } });
    }),
  'a revision of the future is answered with the present': () =>
    asking(['list'], 1, (request, handler) =>
      handler.handle({ ...request, url: request.url.replace(/resourceVersion=\d{7,}/, 'resourceVersion=1') }),
    ),
  'pages are of several revisions': () =>
    answering(['list'], 1, (list, { url }) =>
      url.includes('continue')
        ? { ...list, metadata: { ...list.metadata, resourceVersion: later(list.metadata.resourceVersion, 1) } }
        : list,
    ),
  'a list says that the present is forgotten': () => asking(['list'], 20, () => status(410, 'Expired')),
  'a done write is refused': () => answering(['update', 'patch'], 20, () => status(409, 'Conflict')),
  'a create is refused without a look': () => asking(['create'], 4, () => status(409, 'AlreadyExists')),
  'an update is refused without a look': () => asking(['update', 'patch'], 4, () => status(404, 'NotFound')),
  'an update demands another revision than it was told': () =>
    asking(['update'], 2, (request, handler) => handler.handle(without(request, 'resourceVersion'))),
  'a patch ignores the demanded revision': () =>
    asking(['patch'], 1, (request, handler) => handler.handle(without(request, 'resourceVersion'))),
  'a delete ignores its preconditions': () => asking(['delete'], 1, ({ body: _, ...request }, handler) => handler.handle(request)),
  'a patch forgets the other entry': () =>
    asking(['patch'], 3, (request, handler) => {
      const body = copyOf(request.body);
      return handler.handle({ ...request, body: { ...body, data: { a: '', b: '', ...body.data } } });
    }),
  'an event is left out': () => eventsEvery(20, isChange, () => []),
  'an event comes twice': () => eventsEvery(20, isChange, (event) => [event, event]),
  'events come in the wrong order': () => swapping,
  'a change is told as new': () =>
    eventsEvery(
      10,
      ({ type }) => type === 'MODIFIED',
      (event) => [{ type: 'ADDED', object: event.object }],
    ),
  'a deletion is told at the revision of before': () =>
    eventsEvery(
      2,
      ({ type }) => type === 'DELETED',
      (event) => [withRevision(event, -1)],
    ),
  'departures from a selection are not told': () =>
    telling((url) => (url.searchParams.has('labelSelector') ? (event) => (event.type === 'DELETED' ? [] : [event]) : undefined)),
  'objects outside the selection are told': () => watchingAt((query) => query.delete('labelSelector')),
  'a bookmark comes too early': () =>
    eventsEvery(
      1,
      ({ type }) => type === 'BOOKMARK',
      (event) => [withRevision(event, 10)],
    ),
  'a bookmark goes back': () =>
    eventsEvery(
      1,
      ({ type }) => type === 'BOOKMARK',
      (event) => [withRevision(event, -10)],
    ),
  'a resumed watch repeats an event': () => watchingAt((query) => moved(query, -1)),
  'a resumed watch leaves events out': () => watchingAt((query) => moved(query, 2)),
  'an initial object is missing': () =>
    telling((url) => {
      let isFirst = url.searchParams.has('sendInitialEvents');
      return (event) => {
        if (!isFirst || event.type !== 'ADDED') return [event];
        isFirst = false;
        return [];
      };
    }),
  'a watch falls silent': () => silent,
};
