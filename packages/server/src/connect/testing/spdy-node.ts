// A node's end of SPDY for tests: decompresses header blocks with zlib itself, so that a wrong stream of ours is seen.
import { createServer, type Server, type Socket } from 'node:net';
import { createInflate, type Inflate } from 'node:zlib';

export interface NodeStream {
  type: string;
  received: Buffer;
  ended: boolean;
}

export class SpdyNode {
  readonly streams = new Map<string, NodeStream & { id: number }>();
  /** The request line and headers that came before. */
  head = '';
  pings = 0;
  readonly #socket: Socket;
  readonly #inflate: Inflate = createInflate();
  readonly #changed: (() => void)[] = [];
  #received: Buffer = Buffer.alloc(0);
  #work: Promise<void> = Promise.resolve();

  constructor(socket: Socket, status: string) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk as Buffer]);
      if (this.head === '') this.#handshake(status);
      if (this.head !== '') this.#frames();
    });
  }

  /** Resolves once the condition holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  send(type: string, data: string | Buffer, finish = false) {
    const bytes = Buffer.from(data);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(this.streams.get(type)!.id, 0);
    frame.writeUInt32BE(bytes.length, 4);
    frame[4] = finish ? 1 : 0;
    this.#socket.write(Buffer.concat([frame, bytes]));
  }

  ping() {
    const frame = Buffer.from('8003000600000004', 'hex');
    this.#socket.write(Buffer.concat([frame, Buffer.from([0, 0, 0, 2])]));
  }

  close() {
    this.#socket.end();
  }

  #handshake(status: string) {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    this.head = this.#received.subarray(0, end).toString();
    this.#received = this.#received.subarray(end + 4);
    this.#socket.write(status);
  }

  #frames() {
    while (this.#received.length >= 8) {
      const length = this.#received.readUInt32BE(4) & 0xffffff;
      if (this.#received.length < 8 + length) return;
      const frame = this.#received.subarray(0, 8 + length);
      this.#received = this.#received.subarray(8 + length);
      this.#work = this.#work.then(() => this.#frame(frame)).then(() => this.#notify());
    }
  }

  #notify() {
    for (const wake of this.#changed.splice(0)) wake();
  }

  async #frame(frame: Buffer): Promise<void> {
    if (frame[0]! & 0x80) {
      const type = frame.readUInt16BE(2);
      if (type === 1) await this.#open(frame);
      if (type === 6) this.pings++;
      return;
    }
    const stream = [...this.streams.values()].find(({ id }) => id === frame.readUInt32BE(0))!;
    stream.received = Buffer.concat([stream.received, frame.subarray(8)]);
    if (frame[4]! & 1) stream.ended = true;
  }

  async #open(frame: Buffer): Promise<void> {
    const block = await new Promise<Buffer>((resolve) => {
      this.#inflate.once('data', resolve);
      this.#inflate.write(frame.subarray(18));
    });
    let offset = 4;
    const text = () => {
      const length = block.readUInt32BE(offset);
      offset += 4 + length;
      return block.toString('utf8', offset - length, offset);
    };
    const headers: Record<string, string> = {};
    for (let count = block.readUInt32BE(0); count > 0; count--) {
      const name = text();
      headers[name] = text();
    }
    const type = headers.streamtype ?? '';
    this.streams.set(type, { id: frame.readUInt32BE(8), type, received: Buffer.alloc(0), ended: false });
  }
}

export const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n';

export interface NodeServer {
  port: number;
  /** The next connection. */
  accepted: Promise<SpdyNode>;
  close(): void;
}

export async function spdyNode(status = SWITCHING): Promise<NodeServer> {
  let accept: (node: SpdyNode) => void = () => {};
  const accepted = new Promise<SpdyNode>((resolve) => {
    accept = resolve;
  });
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    accept(new SpdyNode(socket, status));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    accepted,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
