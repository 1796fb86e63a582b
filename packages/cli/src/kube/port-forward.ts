// `port-forward`: SPDY streams in a WebSocket, two for each connection: errors and data (client-go tools/portforward;
// KEP-4006's tunnel).
import { createServer, type Server, type Socket } from 'node:net';
import { type corev1 as core, corev1, pathOf } from '@tiphys/api';
import { SpdyClient } from '@tiphys/runtime';
import { createWebSocketStream, type WebSocket } from 'ws';
import { CommandError, type Terminal } from '../terminal.ts';
import { choosePods } from './pods.ts';
import { type ConnectionFlags, inSession, type Session } from './session.ts';

export interface PortForwardFlags extends ConnectionFlags {
  address?: string[];
}

export interface ForwardedPort {
  /** 0 takes a free one. */
  local: number;
  remote: number;
}

const PROTOCOL = 'SPDY/3.1+portforward.k8s.io';
const PORT_MAX = 65_535;

interface Word {
  local: string;
  remote: string;
}

function wordOf(text: string): Word {
  const parts = text.split(':');
  if (parts.length > 2) throw new CommandError(`invalid port format '${text}'`);
  const [first = '', second] = parts;
  return second === undefined ? { local: first, remote: first } : { local: first || '0', remote: second };
}

function portNumber(text: string, what: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > PORT_MAX) throw new CommandError(`error parsing ${what} port '${text}': invalid syntax`);
  if (what === 'remote' && port === 0) throw new CommandError('remote port must be > 0');
  return port;
}

function namedContainerPort(pod: core.Pod, name: string): number {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const port = containers.flatMap(({ ports = [] }) => ports ?? []).find((candidate) => candidate.name === name);
  if (!port) throw new CommandError(`Pod '${pod.metadata?.name}' does not have a named port '${name}'`);
  return port.containerPort;
}

/** The pod's port behind a service's port number or name. */
function servicePort(service: core.Service, pod: core.Pod, text: string): { port: number; target: number } {
  const ports = service.spec?.ports ?? [];
  const found = ports.find((port) => (/^\d+$/.test(text) ? port.port === Number(text) : port.name === text));
  if (!found) throw new CommandError(`Service ${service.metadata?.name} does not have a service port ${text}`);
  const target = found.targetPort;
  if (service.spec?.clusterIP === 'None' || target === undefined || target === 0) return { port: found.port, target: found.port };
  return { port: found.port, target: typeof target === 'number' ? target : namedContainerPort(pod, target) };
}

/** What to listen on and where it leads. */
export function forwardedPorts(words: readonly string[], pod: core.Pod, owner?: { kind?: string }): ForwardedPort[] {
  return words.map(wordOf).map(({ local, remote }) => {
    const same = local === remote;
    if (owner?.kind === 'Service') {
      const { port, target } = servicePort(owner as core.Service, pod, remote);
      return { local: same ? port : portNumber(local, 'local'), remote: target };
    }
    const target = /^\d+$/.test(remote) ? portNumber(remote, 'remote') : namedContainerPort(pod, remote);
    return { local: same ? target : portNumber(local, 'local'), remote: target };
  });
}

/** One connection of this side as two streams. */
function carry(spdy: SpdyClient, requestId: number, remote: number, socket: Socket, terminal: Terminal): void {
  const headers = (streamtype: string) => ({ streamtype, port: String(remote), requestid: String(requestId) });
  let message = '';
  const problem = spdy.open(headers('error'), {
    data: (data) => {
      message += data.toString('utf8');
    },
    end: () => {
      if (message === '') return;
      terminal.error(`error forwarding port ${remote}: ${message}\n`);
      socket.destroy();
    },
  });
  problem.end();
  const data = spdy.open(headers('data'), {
    data: (bytes) => {
      if (socket.destroyed || socket.write(bytes)) return;
      // One slow connection holds the others up; what it has not read stays bounded.
      spdy.pause();
      const resume = () => spdy.resume();
      socket.once('drain', resume);
      socket.once('close', resume);
    },
    end: () => socket.end(),
  });
  socket.on('data', (bytes: Buffer) => {
    if (data.write(bytes)) return;
    socket.pause();
    spdy.onDrain(() => socket.resume());
  });
  socket.on('end', () => data.end());
  socket.on('error', () => data.end());
}

function listenOn(address: string, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  return new Promise((settle, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new CommandError(
          `unable to listen on port ${port}: ${error.code === 'EADDRINUSE' ? `${address}:${port}: bind: address already in use` : error.message}`,
        ),
      ),
    );
    server.listen(port, address, () => settle(server));
  });
}

async function listenAll(
  ports: readonly ForwardedPort[],
  flags: PortForwardFlags,
  terminal: Terminal,
): Promise<{ server: Server; remote: number }[]> {
  const wanted = (flags.address ?? ['localhost']).flatMap((list) => list.split(','));
  const addresses = wanted.flatMap((address) => (address === 'localhost' ? ['127.0.0.1', '::1'] : [address]));
  const listening: { server: Server; remote: number }[] = [];
  for (const { local, remote } of ports) {
    let port = local;
    const before = listening.length;
    let failure: unknown;
    for (const address of addresses) {
      try {
        const server = await listenOn(address, port);
        // The second address of localhost takes the port that the first was given.
        port = (server.address() as { port: number }).port;
        listening.push({ server, remote });
        terminal.out(`Forwarding from ${address.includes(':') ? `[${address}]` : address}:${port} -> ${remote}\n`);
      } catch (error) {
        failure ??= error;
      }
    }
    if (listening.length === before) {
      for (const { server } of listening) server.close();
      throw failure;
    }
  }
  return listening;
}

async function connect(session: Session, pod: core.Pod): Promise<WebSocket> {
  const path = pathOf(corev1.pods, pod.metadata?.namespace, pod.metadata?.name ?? '', 'portforward');
  return session.connection.handler.connect(path, [PROTOCOL]);
}

/** Resolves when the connection to the pod is lost. */
export async function forward(session: Session, pod: core.Pod, ports: readonly ForwardedPort[], flags: PortForwardFlags): Promise<void> {
  const { terminal } = session;
  const socket = await connect(session, pod);
  const duplex = createWebSocketStream(socket);
  duplex.on('error', () => undefined);
  const spdy = new SpdyClient(duplex);
  socket.resume();
  let listening: { server: Server; remote: number }[] = [];
  const sockets = new Set<Socket>();
  try {
    listening = await listenAll(ports, flags, terminal);
    let requests = 0;
    for (const { server, remote } of listening)
      server.on('connection', (connection) => {
        sockets.add(connection);
        connection.on('close', () => sockets.delete(connection));
        terminal.out(`Handling connection for ${(server.address() as { port: number } | null)?.port ?? remote}\n`);
        carry(spdy, requests++, remote, connection, terminal);
      });
    await spdy.closed;
  } finally {
    for (const { server } of listening) server.close();
    for (const connection of sockets) connection.destroy();
    spdy.destroy();
    socket.terminate();
  }
}

export async function runPortForward(name: string, words: readonly string[], flags: PortForwardFlags, terminal: Terminal): Promise<void> {
  await inSession(flags, terminal, async (session) => {
    const { pods, owner } = await choosePods(session, name);
    const pod = pods[0]!;
    if (pod.status?.phase !== 'Running')
      throw new CommandError(`unable to forward port because pod is not running. Current status=${pod.status?.phase ?? 'Unknown'}`);
    await forward(session, pod, forwardedPorts(words, pod, owner), flags);
    throw new CommandError('lost connection to pod');
  });
}
