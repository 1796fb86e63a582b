// The sockets of the cluster's DNS server: UDP and TCP on one address and port, each message answered from the world or
// passed on. RFC 1035, RFC 7766 (TCP).
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Socket as TcpSocket } from 'node:net';
import type { Runtime } from '@tiphys/runtime';
import { type Answer as DnsRecord, decode, encode, type Packet } from 'dns-packet';
import { answer, type DnsAnswer } from './answer.ts';
import type { Forwarder } from './forward.ts';
import { encodeReply, MESSAGE_BYTES_MAX, type Reply, udpBytes, withId } from './wire.ts';
import type { DnsWorld } from './world.ts';

export interface DnsServerOptions {
  runtime: Runtime;
  world: DnsWorld;
  forwarder: Forwarder;
  address: string;
  port: number;
}

export interface DnsServer {
  port: number;
  close(): Promise<void>;
}

const TCP_CONNECTIONS_MAX = 200;
const TCP_IDLE_MS = 10_000;

const failure = (code: Reply['code']): Reply => ({ code, authoritative: false, answers: [], authorities: [], additionals: [] });

/** Answers in another order each time, so that clients that take the first spread out. */
function shuffled(records: DnsRecord[], number: () => number): DnsRecord[] {
  const isAlias = (record: DnsRecord) => record.type === 'CNAME';
  const rest = records.filter((record) => !isAlias(record));
  for (let index = rest.length - 1; index > 0; index--) {
    const other = Math.floor(number() * (index + 1));
    [rest[index], rest[other]] = [rest[other]!, rest[index]!];
  }
  return [...records.filter(isAlias), ...rest];
}

async function follow(reply: Extract<DnsAnswer, { kind: 'reply' }>, query: Packet, options: DnsServerOptions): Promise<DnsRecord[]> {
  if (reply.follow === undefined) return reply.answers;
  const type = query.questions![0]!.type;
  const outgoing = encode({ id: 1, type: 'query', flags: 1 << 8, questions: [{ type, name: reply.follow }] });
  const found = await options.forwarder.ask(outgoing, 'udp');
  return found ? [...reply.answers, ...(decode(found).answers ?? [])] : reply.answers;
}

/** The answer to one message, or undefined when it deserves none. */
export async function respond(message: Buffer, transport: 'udp' | 'tcp', options: DnsServerOptions): Promise<Buffer | undefined> {
  let query: Packet;
  try {
    query = decode(message);
  } catch {
    // Too broken to quote: only the id and the error go back.
    if (message.length < 12) return undefined;
    const reply = Buffer.alloc(12);
    reply.writeUInt16BE(message.readUInt16BE(0), 0);
    reply.writeUInt16BE(0x8001, 2);
    return reply;
  }
  if (query.type !== 'query') return undefined;
  const bytesMax = transport === 'udp' ? udpBytes(query) : MESSAGE_BYTES_MAX;
  if ((query as { opcode?: string }).opcode !== 'QUERY') return encodeReply(query, failure('NOTIMP'), bytesMax);
  const question = query.questions?.[0];
  if (!question || query.questions!.length !== 1) return encodeReply(query, failure('FORMERR'), bytesMax);
  const result = answer({ name: question.name, type: question.type }, options.world);
  if (result.kind === 'forward') {
    const forwarded = await options.forwarder.ask(message, transport);
    return forwarded ? withId(forwarded, query.id ?? 0) : encodeReply(query, failure('SERVFAIL'), bytesMax);
  }
  const answers = shuffled(await follow(result, query, options), options.runtime.random.number);
  return encodeReply(query, { ...result, authoritative: true, answers }, bytesMax);
}

export async function serveDns(options: DnsServerOptions): Promise<DnsServer> {
  const log = options.runtime.log;
  const safely = (message: Buffer, transport: 'udp' | 'tcp') =>
    respond(message, transport, options).catch((error) => {
      log.error('a DNS question could not be answered', error);
      return undefined;
    });
  const udp = createSocket({ type: options.address.includes(':') ? 'udp6' : 'udp4', reuseAddr: false });
  udp.on('message', (message, peer) => {
    void safely(message, 'udp').then((reply) => reply && udp.send(reply, peer.port, peer.address, () => {}));
  });
  const port = await bindUdp(udp, options.port, options.address);
  udp.on('error', (error) => log.error('the DNS socket failed', error));
  const connections = new Set<TcpSocket>();
  const tcp = createServer((socket) => {
    if (connections.size >= TCP_CONNECTIONS_MAX) return socket.destroy();
    connections.add(socket);
    socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => connections.delete(socket));
    readMessages(socket, (message) => safely(message, 'tcp'));
  });
  try {
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen(port, options.address, resolve);
    });
  } catch (error) {
    udp.close();
    throw error;
  }
  return {
    port,
    close: async () => {
      for (const socket of connections) socket.destroy();
      await Promise.all([new Promise((resolve) => tcp.close(resolve)), new Promise<void>((resolve) => udp.close(() => resolve()))]);
    },
  };
}

function bindUdp(socket: Socket, port: number, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      resolve(socket.address().port);
    });
  });
}

/** Splits the stream at its length prefixes; answers may overtake each other, as RFC 7766 allows. */
function readMessages(socket: TcpSocket, reply: (message: Buffer) => Promise<Buffer | undefined>) {
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2) {
      const length = received.readUInt16BE(0);
      if (received.length < length + 2) return;
      const message = received.subarray(2, length + 2);
      received = received.subarray(length + 2);
      void reply(message).then((bytes) => {
        if (!bytes) return socket.destroy();
        const prefix = Buffer.alloc(2);
        prefix.writeUInt16BE(bytes.length);
        socket.write(Buffer.concat([prefix, bytes]));
      });
    }
  });
}
