// How a joined machine speaks to its server: clients with a certificate that may be renewed, or a token before there is one.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { apiClient, type Client, type CredentialSource, fixedIdentity, httpsHandler } from '@tiphys/client';
import { StatusError } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import { ConfigurationError } from '../configuration.ts';
import { type AnyServer, anyServer } from './any-server.ts';
import { bearerOf } from './discovery.ts';
import type { JoinToken } from './token.ts';

export interface Server {
  url: string;
  /** PEM. */
  authority: string;
}

const USER_AGENT = 'kubelet';

const reach = (server: Server, { clock }: Runtime, credentials: CredentialSource) =>
  httpsHandler({ server: server.url, clock, certificateAuthority: server.authority, credentials });

/** To whichever server of the cluster can be reached; `others` are those it may have beside the one that was told. */
export function connectToAny(
  server: Server,
  others: readonly string[],
  runtime: Runtime,
  credentials: CredentialSource,
): { client: Client; servers: AnyServer } {
  const servers = anyServer(server.url, others, (url) => reach({ ...server, url }, runtime, credentials));
  return { client: apiClient({ handler: servers, runtime, userAgent: USER_AGENT, onClose: () => servers.close() }), servers };
}

/** Does the work as whoever has the token. */
export async function withToken<T>(server: Server, token: JoinToken, runtime: Runtime, work: (client: Client) => Promise<T>): Promise<T> {
  const handler = reach(server, runtime, fixedIdentity({ authorization: bearerOf(token) }));
  const client = apiClient({ handler, runtime, userAgent: USER_AGENT, onClose: () => handler.close() });
  try {
    return await work(client);
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 401) throw error;
    const why = `the server does not accept the token "${token.id}": it has expired or was deleted; make another on the server’s machine with: tiphys token create`;
    throw new ConfigurationError(why, { cause: error });
  } finally {
    await client.close();
  }
}

/** `https://HOST:PORT`, with the API server's usual port where none is given. */
export function serverUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text.includes('://') ? text : `https://${text}`);
  } catch (error) {
    throw new ConfigurationError(`${text} is no address of a server such as https://192.0.2.1:6443`, { cause: error });
  }
  if (url.protocol !== 'https:') throw new ConfigurationError(`${text}: only https servers can be joined`);
  const given = /:(\d+)(\/|$)/.exec(text.replace(/^https:\/\//, ''))?.[1];
  return `https://${url.hostname}:${given ?? '6443'}`;
}

/** The address of this machine from which packets go to the server; nothing is sent. */
export async function localAddress(server: string): Promise<string> {
  const { hostname, port } = new URL(server);
  const socket = createSocket('udp4');
  try {
    socket.connect(Number(port), hostname);
    await Promise.race([
      once(socket, 'connect'),
      once(socket, 'error').then(([error]) => {
        throw error;
      }),
    ]);
    return socket.address().address;
  } catch (error) {
    throw new ConfigurationError(`this machine has no way to ${hostname}: ${(error as Error).message}`, { cause: error });
  } finally {
    socket.close();
  }
}
