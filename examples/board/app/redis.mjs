// A client for Redis' protocol (RESP 2) in one page: what the board's three programs need, and no more.
import { connect } from 'node:net';

/** One connection; commands are answered in order. Reconnects when it is lost, failing what was on its way. */
export function redis({ host, port = 6379, password }) {
  let socket;
  let waiting = [];
  let buffered = Buffer.alloc(0);

  const fail = (error) => {
    const lost = waiting;
    waiting = [];
    socket = undefined;
    for (const { reject } of lost) reject(error);
  };
  const open = () => {
    buffered = Buffer.alloc(0);
    socket = connect({ host, port });
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      for (let reply = parse(buffered, 0); reply; reply = parse(buffered, 0)) {
        buffered = buffered.subarray(reply.end);
        const { resolve, reject } = waiting.shift();
        if (reply.value instanceof Error) reject(reply.value);
        else resolve(reply.value);
      }
    });
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the connection to Redis was closed')));
    if (password) send(['AUTH', password]).catch(fail);
  };
  const send = (args) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      socket.write(`*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(String(arg))}\r\n${arg}\r\n`).join('')}`);
    });
  return {
    command: (...args) => {
      if (!socket) open();
      return send(args);
    },
    close: () => socket?.end(),
  };
}

/** One reply at the offset, or undefined while it is incomplete. */
function parse(bytes, offset) {
  const lineEnd = bytes.indexOf('\r\n', offset);
  if (lineEnd < 0) return undefined;
  const text = bytes.toString('utf8', offset + 1, lineEnd);
  const after = lineEnd + 2;
  switch (String.fromCharCode(bytes[offset])) {
    case '+':
      return { value: text, end: after };
    case '-':
      return { value: new Error(text), end: after };
    case ':':
      return { value: Number(text), end: after };
    case '$': {
      const length = Number(text);
      if (length < 0) return { value: null, end: after };
      if (bytes.length < after + length + 2) return undefined;
      return { value: bytes.toString('utf8', after, after + length), end: after + length + 2 };
    }
    default: {
      const count = Number(text);
      if (count < 0) return { value: null, end: after };
      const items = [];
      let end = after;
      for (let i = 0; i < count; i++) {
        const item = parse(bytes, end);
        if (!item) return undefined;
        items.push(item.value);
        end = item.end;
      }
      return { value: items, end };
    }
  }
}

/** From the environment that the manifests give. */
export const fromEnvironment = () => redis({ host: process.env.REDIS_HOST ?? 'redis', password: process.env.REDIS_PASSWORD });
