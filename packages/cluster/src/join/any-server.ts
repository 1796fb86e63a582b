// The API of a cluster with several servers, for a machine that joined it: asks the one that answered last, and another when that one
// can't be reached. Which servers there are the endpoints of the `kubernetes` Service tell, and the machine remembers them.
import { discoveryv1 } from '@tiphys/api';
import { type Client, ConnectionError } from '@tiphys/client';
import type { ApiHandler, ApiRequest } from '@tiphys/machinery';

/** More than anybody runs; those beyond are not asked. */
export const SERVERS_MAX = 16;

export interface AnyServer extends ApiHandler {
  /** Beside the one it was told. */
  learn(urls: readonly string[]): void;
  close(): Promise<void>;
}

type Reached = ApiHandler & { close(): Promise<void> };

const isSafeAgain = ({ method }: ApiRequest, error: ConnectionError) => error.unsent || method === 'GET';

export function anyServer(told: string, known: readonly string[], reach: (url: string) => Reached): AnyServer {
  const reached = new Map<string, Reached>();
  let urls = [told];
  let current = told;
  const handlerOf = (url: string) => {
    const handler = reached.get(url) ?? reach(url);
    reached.set(url, handler);
    return handler;
  };
  const learn = (others: readonly string[]) => {
    urls = [...new Set([told, ...others])].slice(0, SERVERS_MAX);
    if (!urls.includes(current)) current = told;
    for (const [url, handler] of reached) {
      if (urls.includes(url)) continue;
      reached.delete(url);
      void handler.close();
    }
  };
  learn(known);
  const handle: AnyServer['handle'] = async (request) => {
    for (let attempt = 1; ; attempt++) {
      const url = current;
      try {
        return await handlerOf(url).handle(request);
      } catch (error) {
        if (!(error instanceof ConnectionError) || request.signal?.aborted) throw error;
        // Another request may have turned to the next one already.
        if (current === url) current = urls[(urls.indexOf(url) + 1) % urls.length]!;
        if (attempt >= urls.length || !isSafeAgain(request, error)) throw error;
      }
    }
  };
  return {
    handle,
    learn,
    close: async () => {
      await Promise.all([...reached.values()].map((handler) => handler.close()));
    },
  };
}

/** Where the slice says that servers are. Pure. */
export function serversOf(slice: discoveryv1.EndpointSlice): string[] {
  const port = slice.ports?.find(({ name }) => name === 'https')?.port;
  if (port === undefined) return [];
  return (slice.endpoints ?? []).flatMap(({ addresses }) => addresses.map((address) => `https://${address}:${port}`)).sort();
}

/** Calls back with the servers whenever they change. Returns a stop function. */
export function followServers(client: Client, onServers: (urls: string[]) => void): () => void {
  const slices = client.informer(discoveryv1.endpointslices, {
    namespace: 'default',
    fieldSelector: 'metadata.name=kubernetes',
  });
  const tell = (slice: discoveryv1.EndpointSlice) => {
    const urls = serversOf(slice);
    // Where all have gone the next start should still find one.
    if (urls.length > 0) onServers(urls);
  };
  return slices.subscribe({ added: tell, updated: (_before, slice) => tell(slice) });
}
