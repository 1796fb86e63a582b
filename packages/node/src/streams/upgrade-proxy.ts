// Hands an upgraded connection on to another HTTP server without looking inside: the runtime speaks SPDY and WebSocket
// itself. Follows apimachinery util/proxy/upgradeaware.go.
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

export interface UpgradeRequest {
  method: string;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Headers that belong to the first connection, or that the runtime has no use for. */
const DROPPED = new Set(['host', 'content-length', 'transfer-encoding', 'authorization', 'cookie', 'accept-encoding']);
const CONNECT_MS_MAX = 30_000;

/** Request line and headers for the next server. Protocols that came as one list go out one by one: older servers compare whole values. */
export function upgradeHead(request: UpgradeRequest, target: URL): string {
  const lines = [`${request.method} ${target.pathname}${target.search} HTTP/1.1`, `Host: ${target.host}`];
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || DROPPED.has(name)) continue;
    const values = (Array.isArray(value) ? value : [value]).flatMap((text) =>
      name === 'x-stream-protocol-version' ? text.split(',').map((each) => each.trim()) : [text],
    );
    for (const text of values) lines.push(`${name}: ${text.replaceAll(/[\r\n]/g, ' ')}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Joins the two connections until one of them ends. Rejects when the server can't be reached; nothing was written to the client then. */
export function proxyUpgrade(request: UpgradeRequest, target: URL, client: Duplex, head: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = connect({ host: target.hostname, port: Number(target.port || 80), noDelay: true });
    server.setTimeout(CONNECT_MS_MAX, () => server.destroy(new Error('timed out')));
    server.once('error', (error) => reject(new Error(`error dialing backend: ${error.message}`, { cause: error })));
    server.once('connect', () => {
      server.setTimeout(0);
      server.write(upgradeHead(request, target));
      if (head.length > 0) server.write(head);
      join(client, server);
      resolve();
    });
  });
}

/** Bytes flow both ways; the end of one is the end of the other, after everything it sent has been passed on. */
export function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.end());
  }
}
