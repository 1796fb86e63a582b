// Port-forward over WebSocket: SPDY's bytes, packed into binary messages. They are unpacked here and sent on as they are
// (apiserver util/proxy/streamtunnel.go).
import type { Duplex } from 'node:stream';
import { type ApiRequest, statusError } from '@tiphys/machinery';
import type { CommandBackend } from './translate.ts';
import { protocolsOf, readHead, requestHead } from './upgrade.ts';
import { acceptWebSocket, sendBounded } from './websocket.ts';

const PREFIX = 'SPDY/3.1+';
const SUFFIX = '.k8s.io';
const CLOSE_NORMAL = 1000;

/** The SPDY protocols that the client wants to tunnel. */
export const tunneledProtocols = (request: ApiRequest) =>
  protocolsOf(request)
    .filter((protocol) => protocol.startsWith(PREFIX) && protocol.endsWith(SUFFIX))
    .map((protocol) => protocol.slice(PREFIX.length));

export async function tunnelSpdy(request: ApiRequest, socket: Duplex, head: Uint8Array, backend: CommandBackend): Promise<void> {
  const node = await backend.connect();
  const protocols = tunneledProtocols(request).join(',');
  const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocols };
  node.write(requestHead({ method: 'POST', path: backend.path, host: backend.host, headers }));
  const answer = await readHead(node).catch((error: Error) => {
    throw statusError.internal(error.message, error);
  });
  if (answer.status !== 101) {
    socket.write(answer.raw);
    socket.write(answer.rest);
    node.pipe(socket);
    return;
  }
  const chosen = answer.headers['x-stream-protocol-version'];
  const client = await acceptWebSocket(request, socket, head, chosen ? `${PREFIX}${chosen}` : '');
  const send = (data: Buffer) => sendBounded(client, data, node);
  if (answer.rest.length > 0) send(answer.rest);
  node.on('data', send);
  node.on('error', () => client.close(CLOSE_NORMAL));
  node.on('end', () => client.close(CLOSE_NORMAL));
  node.on('close', () => client.close(CLOSE_NORMAL));
  client.on('message', (data: Buffer) => {
    if (node.write(data)) return;
    client.pause();
    node.once('drain', () => client.resume());
  });
  client.on('error', () => client.terminate());
  client.on('close', () => node.destroy());
  client.resume();
  node.resume();
}
