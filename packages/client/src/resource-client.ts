// The typed verbs of one resource over any ApiHandler (client-go gentype/type.go).
import { apiVersionOf, type KubeList, type KubeObject, type ListMeta, pathOf, type ResourceType } from '@tiphys/api';
import type { HttpMethod } from '@tiphys/machinery';
import type { DeleteOptions, ListOptions, ResourceClient, WatchOptions, WriteOptions } from './client.ts';
import { errorFromStatus, listQuery, objectOf, PATCH_CONTENT_TYPES, urlOf, watchQuery, writeQuery } from './requests.ts';
import type { Send } from './send.ts';
import { watchBatches } from './watch-stream.ts';

function deleteBody(options: DeleteOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
    ...(options.propagationPolicy === undefined ? {} : { propagationPolicy: options.propagationPolicy }),
    ...(options.preconditions === undefined ? {} : { preconditions: options.preconditions }),
    ...(options.dryRun ? { dryRun: ['All'] } : {}),
  };
}

async function openWatch<T extends KubeObject>(send: Send, url: string, signal?: AbortSignal) {
  const response = await send({ method: 'GET', url, headers: { accept: 'application/json' }, ...(signal ? { signal } : {}) });
  if (response.body.kind === 'watch') return watchBatches<T>(response.body.watch, signal);
  await objectOf(response);
  throw errorFromStatus(undefined, 500);
}

export function resourceClient<T extends KubeObject>(type: ResourceType<T>, send: Send): ResourceClient<T> {
  const apiVersion = apiVersionOf(type);
  const request = async <R>(method: HttpMethod, url: string, body?: object, contentType = 'application/json'): Promise<R> => {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body) headers['content-type'] = contentType;
    return objectOf<R>(await send({ method, url, headers, ...(body ? { body } : {}) }));
  };
  const complete = (object: T): T => (object.kind && object.apiVersion ? object : { ...object, apiVersion, kind: type.kind });
  const put = (object: T, options: WriteOptions, subresource?: string) => {
    const path = pathOf(type, object.metadata?.namespace, object.metadata?.name ?? '', subresource);
    return request<T>('PUT', urlOf(path, writeQuery(options)), complete(object));
  };
  return {
    get: (name, namespace, subresource) => request('GET', pathOf(type, namespace, name, subresource)),
    list: (options: ListOptions = {}) =>
      request<KubeList<T> & { metadata: ListMeta }>('GET', urlOf(pathOf(type, options.namespace), listQuery(options))),
    async *watch(options: WatchOptions = {}) {
      yield* await openWatch<T>(send, urlOf(pathOf(type, options.namespace), watchQuery(options)), options.signal);
    },
    create: (object, options = {}) => {
      const name = options.subresource === undefined ? undefined : object.metadata?.name;
      const path = pathOf(type, object.metadata?.namespace, name, options.subresource);
      return request('POST', urlOf(path, writeQuery(options)), complete(object));
    },
    update: (object, options = {}) => put(object, options, options.subresource),
    updateStatus: (object, options = {}) => put(object, options, 'status'),
    patch: (name, namespace, patchType, body, options = {}) =>
      request(
        'PATCH',
        urlOf(pathOf(type, namespace, name, options.subresource), writeQuery(options)),
        body as object,
        PATCH_CONTENT_TYPES[patchType],
      ),
    delete: async (name, namespace, options = {}) => {
      await request('DELETE', pathOf(type, namespace, name), deleteBody(options));
    },
    deleteCollection: async (options = {}) => {
      await request('DELETE', urlOf(pathOf(type, options.namespace), listQuery(options)), deleteBody(options));
    },
    post: (name, namespace, subresource, body) => request('POST', pathOf(type, namespace, name, subresource), body),
  };
}
