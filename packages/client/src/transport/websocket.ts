// Upgrades: a WebSocket over HTTP/1.1 for exec, attach and port-forward; a refusal becomes the server's Status.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { errorFromStatus } from '../requests.ts';
import { connectionError } from './connection-error.ts';
import type { Identity } from './credentials.ts';
import { CONNECT_TIMEOUT_MS } from './http2-session.ts';
import { type HttpsOptions, type Target, tlsOptions } from './options.ts';

/** A frame: kubelets send at most 32 KiB at a time, tunnels a whole window. */
export const WEBSOCKET_FRAME_BYTES_MAX = 16 * 1024 * 1024;
const REFUSAL_BYTES_MAX = 1024 * 1024;

export interface WebSocketRequest {
  options: HttpsOptions;
  target: Target;
  identity: Identity;
  url: string;
  protocols: readonly string[];
  headers: Readonly<Record<string, string>>;
}

async function refusal(response: IncomingMessage): Promise<Error> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    if (text.length > REFUSAL_BYTES_MAX) break;
  }
  let status: unknown = text;
  try {
    status = JSON.parse(text);
  } catch {
    // Plain text from something between: taken as the message.
  }
  return errorFromStatus(status, response.statusCode);
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Kubernetes names a protocol `SPDY/3.1+portforward.k8s.io`, which is no token of HTTP, so that ws refuses to ask for it.
 * Such names are asked for, and the answer is judged, around it.
 */
function protocolOptions(protocols: readonly string[], fail: (error: Error) => void) {
  if (protocols.every((protocol) => TOKEN.test(protocol))) return { names: [...protocols], headers: {}, options: {} };
  const finishRequest = (request: ClientRequest) => {
    request.prependListener('upgrade', (response: IncomingMessage) => {
      const chosen = response.headers['sec-websocket-protocol'];
      delete response.headers['sec-websocket-protocol'];
      if (chosen === undefined || !protocols.includes(chosen))
        fail(new Error(`the server chose the protocol ${JSON.stringify(chosen ?? '')}`));
    });
    request.end();
  };
  return { names: [], headers: { 'Sec-WebSocket-Protocol': protocols.join(', ') }, options: { finishRequest } };
}

/** The socket comes paused, so that nothing is lost before its reader is there: call resume() then. */
export function connectWebSocket(request: WebSocketRequest): Promise<WebSocket> {
  const { options, target, identity } = request;
  const url = `${target.origin.replace(/^http/, 'ws')}${target.prefix}${request.url}`;
  return new Promise((settle, reject) => {
    const protocol = protocolOptions(request.protocols, (error) => {
      reject(connectionError(error, target.address));
      socket.terminate();
    });
    const socket = new WebSocket(url, protocol.names, {
      ...protocol.options,
      ...tlsOptions(options, identity.certificate),
      // Servers that also know HTTP/2 must not choose it here.
      ...({ ALPNProtocols: ['http/1.1'] } as object),
      headers: { ...request.headers, ...protocol.headers, ...(identity.authorization ? { authorization: identity.authorization } : {}) },
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      maxPayload: WEBSOCKET_FRAME_BYTES_MAX,
      perMessageDeflate: false,
    });
    socket.once('open', () => {
      socket.pause();
      settle(socket);
    });
    socket.once('unexpected-response', (_, response) => {
      refusal(response)
        .then(reject, reject)
        .finally(() => socket.terminate());
    });
    socket.on('error', (error) => reject(connectionError(error, target.address, true)));
  });
}
