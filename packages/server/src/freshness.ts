// When a request has to wait until this server knows what the other servers on the same store have acknowledged (the rules of
// resourceVersion in apiserver storage/interfaces.go; consistent reads from the cache, KEP-2340).
import { corev1 } from '@tiphys/api';
import { StatusError } from '@tiphys/machinery';
import { Retryable } from '@tiphys/std';
import type { RequestInfo } from './interfaces.ts';
import type { Core, RequestContext } from './request/context.ts';

/** What the request says of how old its answer may be is enough. */
function mayBeOld(core: Core, info: RequestInfo): boolean {
  if (info.verb === 'create' && info.subresource === '') {
    // Of what others are creating right now only the namespace matters; the name is decided by the store.
    return info.namespace === '' || core.reader.get(corev1.namespaces, info.namespace) !== undefined;
  }
  if (info.verb !== 'get' && info.verb !== 'list' && info.verb !== 'watch') return false;
  const asked = info.query.get('resourceVersion') ?? '';
  return asked !== '' && Number(asked) <= core.store.revision && !info.query.has('continue');
}

/** Undefined when the request can go on at once. Rejects with StatusError. */
export function whenFresh(context: RequestContext): Promise<void> | undefined {
  return mayBeOld(context.core, context.info) ? undefined : nowFresh(context);
}

/** The same for a request that finds it needs to know, whatever it is. */
export function nowFresh({ core, request }: RequestContext): Promise<void> | undefined {
  return (core.store.isShared ? core.store.fresh() : undefined)?.catch((error) => {
    if (!(error instanceof Retryable)) throw error;
    core.runtime.log.error('the store can not say what is newest', error, { path: request.url });
    throw new StatusError(500, 'InternalError', `Internal error occurred: ${error.message}`, { retryAfterSeconds: 1 }, { cause: error });
  });
}
