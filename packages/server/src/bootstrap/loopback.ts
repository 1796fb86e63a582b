// The server as its own client: what it creates at start and keeps up to date goes through the same pipeline as everyone's
// requests (the role of upstream's loopback client).
import { apiVersionOf, type KubeObject, pathOf, type ResourceType } from '@tiphys/api';
import { type ApiHandler, type HttpMethod, isAlreadyExists, type Status, StatusError, type UserInfo } from '@tiphys/machinery';

/** Upstream's name for the server itself. */
export const LOOPBACK_USER: UserInfo = Object.freeze({
  name: 'system:apiserver',
  groups: Object.freeze(['system:masters', 'system:authenticated']) as readonly string[],
});

export interface Loopback {
  get<T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string): Promise<T>;
  create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T>;
  /** A conflict or a missing object rejects with StatusError. */
  update<T extends KubeObject>(type: ResourceType<T>, object: T, subresource?: string): Promise<T>;
  delete(type: ResourceType, name: string, namespace?: string): Promise<void>;
  /** Creates what may be there already; false when it was. */
  ensure<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<boolean>;
}

/** The agent is also the name under which its fields are managed, which is upstream's. */
const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json', 'user-agent': 'kube-apiserver' };

export function loopback(handler: ApiHandler): Loopback {
  const call = async <T>(method: HttpMethod, url: string, body?: object): Promise<T> => {
    const response = await handler.handle({ method, url, headers: JSON_HEADERS, user: LOOPBACK_USER, ...(body ? { body } : {}) });
    const answer =
      response.body.kind === 'object'
        ? response.body.object
        : response.body.kind === 'bytes'
          ? JSON.parse(Buffer.from(response.body.bytes).toString())
          : undefined;
    if (response.status >= 400) {
      const status = answer as Status | undefined;
      throw new StatusError(
        response.status,
        status?.reason ?? '',
        status?.message ?? `the server answered ${response.status}`,
        status?.details,
      );
    }
    return answer as T;
  };
  const typed = <T extends KubeObject>(type: ResourceType<T>, object: T): T => ({
    ...object,
    apiVersion: apiVersionOf(type),
    kind: type.kind,
  });
  const create = <T extends KubeObject>(type: ResourceType<T>, object: T) =>
    call<T>('POST', pathOf(type, object.metadata?.namespace), typed(type, object));
  return {
    create,
    get: (type, name, namespace) => call('GET', pathOf(type, namespace, name)),
    update: (type, object, subresource) =>
      call('PUT', pathOf(type, object.metadata?.namespace, object.metadata?.name, subresource), typed(type, object)),
    delete: (type, name, namespace) => call('DELETE', pathOf(type, namespace, name)),
    async ensure(type, object) {
      try {
        await create(type, object);
        return true;
      } catch (error) {
        if (isAlreadyExists(error)) return false;
        throw error;
      }
    },
  };
}
