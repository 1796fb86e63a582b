// A remote command over WebSocket v5.channel.k8s.io, carried on to the node as SPDY: channels become streams. The older
// WebSocket protocols know no half-close of stdin, so only SPDY can carry it (apiserver util/proxy/streamtranslator.go).
import type { Duplex } from 'node:stream';
import { type ApiRequest, StatusError, statusError } from '@tiphys/machinery';
import { SpdyClient, type SpdyStream } from '@tiphys/runtime';
import type { WebSocket } from 'ws';
import { readHead, readRefusal, requestHead } from './upgrade.ts';
import { acceptWebSocket, sendBounded } from './websocket.ts';

export const PROTOCOL_V5 = 'v5.channel.k8s.io';
const PROTOCOL_V4 = 'v4.channel.k8s.io';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
const CLOSE = 255;
const CLOSE_NORMAL = 1000;

export interface CommandStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

export interface CommandBackend {
  /** Path and query at the node. */
  path: string;
  host: string;
  connect(): Promise<Duplex>;
}

/** Runs until the command has ended and its status has been sent, or either side is gone. */
export async function translateCommand(
  request: ApiRequest,
  socket: Duplex,
  head: Uint8Array,
  backend: CommandBackend,
  streams: CommandStreams,
): Promise<void> {
  const client = await acceptWebSocket(request, socket, head, PROTOCOL_V5);
  // An empty message tells the client that the connection stands.
  client.send(Buffer.from([streams.stdout ? STDOUT : streams.stderr ? STDERR : ERROR]));
  try {
    await carry(client, await dial(backend), streams);
  } catch (error) {
    const status =
      error instanceof StatusError ? error : statusError.internal(error instanceof Error ? error.message : String(error), error);
    sendStatus(client, JSON.stringify(status.status()));
  }
  // A client that was paused could not answer the close.
  client.resume();
  client.close(CLOSE_NORMAL);
}

function sendStatus(client: WebSocket, status: string) {
  if (client.readyState === client.OPEN) client.send(Buffer.concat([Buffer.from([ERROR]), Buffer.from(status)]));
}

async function dial(backend: CommandBackend): Promise<SpdyClient> {
  const node = await backend.connect();
  const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': PROTOCOL_V4 };
  node.write(requestHead({ method: 'POST', path: backend.path, host: backend.host, headers }));
  const answer = await readHead(node);
  if (answer.status !== 101) throw statusError.internal(`unable to upgrade connection: ${await readRefusal(node, answer)}`);
  return new SpdyClient(node, answer.rest);
}

async function carry(client: WebSocket, spdy: SpdyClient, streams: CommandStreams): Promise<void> {
  const status: Buffer[] = [];
  let reported = () => {};
  const finished = new Promise<void>((resolve) => {
    reported = resolve;
  });
  const output = (channel: number) => ({
    data: (data: Buffer) => sendBounded(client, Buffer.concat([Buffer.from([channel]), data]), spdy),
  });
  const open = (type: string, events: Parameters<SpdyClient['open']>[1]) => spdy.open({ streamtype: type }, events);
  open('error', { data: (data) => void status.push(data), end: reported });
  const stdin = streams.stdin ? open('stdin', {}) : undefined;
  if (streams.stdout) open('stdout', output(STDOUT));
  if (streams.stderr) open('stderr', output(STDERR));
  const resize = streams.tty ? open('resize', {}) : undefined;
  let gone = false;
  client.on('message', (data: Buffer) => input(data, client, spdy, stdin, resize));
  client.on('error', () => client.terminate());
  client.on('close', () => {
    gone = true;
    spdy.destroy();
  });
  client.resume();
  await Promise.race([finished, spdy.closed]);
  const text = Buffer.concat(status).toString('utf8');
  if (!gone) sendStatus(client, text === '' ? JSON.stringify({ metadata: {}, status: 'Success' }) : text);
  spdy.destroy();
}

function input(message: Buffer, client: WebSocket, spdy: SpdyClient, stdin?: SpdyStream, resize?: SpdyStream) {
  const [channel] = message;
  if (channel === CLOSE && message[1] === STDIN) return stdin?.end();
  const target = channel === STDIN ? stdin : channel === RESIZE ? resize : undefined;
  if (!target || message.length < 2 || target.write(message.subarray(1))) return;
  client.pause();
  spdy.onDrain(() => client.resume());
}
