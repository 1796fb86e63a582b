// The API server's end of a WebSocket whose client speaks one of Kubernetes' protocols.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ApiRequest } from '@tiphys/machinery';
import { type WebSocket, WebSocketServer } from 'ws';

const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;
/** Above this, what the backend sends has to wait for the client. */
export const BUFFERED_BYTES_MAX = 1024 * 1024;

/** Completes the handshake with the protocol. The socket is paused: resume it once its messages have a listener. Never resolves when the client's handshake is wrong: it has got its answer then. */
export function acceptWebSocket(request: ApiRequest, socket: Duplex, head: Uint8Array, protocol: string): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
  });
  // Kubernetes' names hold slashes, which the library refuses in a protocol's name: it isn't shown them.
  const { 'sec-websocket-protocol': _, ...headers } = request.headers;
  if (protocol) server.on('headers', (lines) => void lines.push(`Sec-WebSocket-Protocol: ${protocol}`));
  const incoming = { method: request.method, url: request.url, headers } as unknown as IncomingMessage;
  return new Promise((resolve) => {
    server.handleUpgrade(incoming, socket, Buffer.from(head), (accepted) => {
      accepted.binaryType = 'nodebuffer';
      accepted.pause();
      resolve(accepted);
    });
  });
}

/** Sends, and holds the source back while the client is slow. */
export function sendBounded(socket: WebSocket, data: Uint8Array | string, source: { pause(): void; resume(): void }) {
  if (socket.readyState !== socket.OPEN) return;
  socket.send(data, () => {
    if (socket.bufferedAmount <= BUFFERED_BYTES_MAX) source.resume();
  });
  if (socket.bufferedAmount > BUFFERED_BYTES_MAX) source.pause();
}
