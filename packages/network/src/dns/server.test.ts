// The server over real sockets, with a resolver of its own behind it.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { realRuntime } from '@tiphys/runtime';
import { decode, encode, type Packet } from 'dns-packet';
import { slice } from '../testing/objects.ts';
import { parseResolvers } from './forward.ts';
import { type DnsServerOptions, respond, serveDns } from './server.ts';
import { ttlOffsets } from './wire.ts';
import type { DnsWorld } from './world.ts';

const many = Array.from({ length: 100 }, (_, index) => `10.244.1.${index}`);
const WORLD: DnsWorld = {
  domain: 'cluster.local',
  hasNamespace: () => true,
  service: (namespace, name) => {
    if (name === 'outside') return { metadata: { name, namespace }, spec: { type: 'ExternalName', externalName: 'example.com' } };
    return { metadata: { name, namespace }, spec: { clusterIP: 'None', ports: [{ port: 80 }] } };
  },
  slices: () => [slice('many', 80, many)],
  servicesAt: () => [],
  slicesAt: () => [],
};

function options(forwarded: string[], answers = true): DnsServerOptions {
  const ask = async (query: Buffer) => {
    const { questions, id } = decode(query);
    forwarded.push(questions![0]!.name);
    const reply = {
      id,
      type: 'response' as const,
      questions,
      answers: [{ type: 'A' as const, name: 'example.com', ttl: 60, data: '192.0.2.7' }],
    };
    return answers ? encode(reply) : undefined;
  };
  return { runtime: realRuntime(), world: WORLD, forwarder: { ask }, address: '127.0.0.1', port: 0 };
}

const question = (name: string, more: Partial<Packet> = {}) =>
  encode({ id: 77, type: 'query', flags: 256, questions: [{ type: 'A', name }], ...more });
const MANY = 'many.default.svc.cluster.local';
const code = (message: Buffer) => message.readUInt16BE(2) & 0xf;

async function askUdp(port: number, message: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  socket.send(message, port, '127.0.0.1');
  const [reply] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return reply;
}

test('UDP cuts long answers short, TCP gives them whole', async () => {
  const server = await serveDns(options([]));
  try {
    const short = await askUdp(server.port, question(MANY));
    assert.ok(short.length <= 512);
    assert.equal(decode(short).flag_tc, true);
    const socket = connect(server.port, '127.0.0.1');
    const message = question(MANY);
    socket.write(Buffer.concat([Buffer.from([0, message.length]), message]));
    let received = Buffer.alloc(0);
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) break;
    }
    assert.equal(decode(received.subarray(2)).answers!.length, many.length);
  } finally {
    await server.close();
  }
});

test('EDNS raises the limit and is answered', async () => {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] } as never;
  const reply = (await respond(question(MANY, { additionals: [opt] }), 'udp', options([])))!;
  assert.ok(reply.length > 512 && reply.length <= 1232);
  assert.equal(decode(reply).additionals?.[0]?.type, 'OPT');
});

test('other names are passed on; without anybody to ask the server says so', async () => {
  const forwarded: string[] = [];
  const reply = (await respond(question('example.com'), 'udp', options(forwarded)))!;
  assert.equal(decode(reply).id, 77);
  assert.deepEqual(forwarded, ['example.com']);
  assert.equal(code((await respond(question('example.com'), 'udp', options([], false)))!), 2);
  const alias = decode((await respond(question('outside.default.svc.cluster.local'), 'udp', options([])))!);
  assert.deepEqual(
    alias.answers!.map((record) => record.type),
    ['CNAME', 'A'],
  );
});

test('broken messages get an error or nothing', async () => {
  assert.equal(await respond(Buffer.from([1, 2, 3]), 'udp', options([])), undefined);
  const cut = question(MANY).subarray(0, 20);
  assert.equal(code((await respond(cut, 'udp', options([])))!), 1);
  const response = encode({ id: 1, type: 'response', questions: [{ type: 'A', name: MANY }] });
  assert.equal(await respond(response, 'udp', options([])), undefined, 'two servers must not talk to each other for ever');
});

test('resolv.conf and the places of times to live', () => {
  assert.deepEqual(
    parseResolvers('# x\nnameserver 10.0.0.1\nsearch a b\n nameserver fd00::1\nnameserver name\nnameserver 1.2.3.4\nnameserver 5.6.7.8'),
    ['10.0.0.1', 'fd00::1', '1.2.3.4'],
  );
  const message = encode({
    type: 'response',
    questions: [{ type: 'A', name: 'a.b' }],
    answers: [
      { type: 'CNAME', name: 'a.b', ttl: 11, data: 'c.d' },
      { type: 'A', name: 'c.d', ttl: 22, data: '1.2.3.4' },
    ],
  });
  assert.deepEqual(
    ttlOffsets(message).map((offset) => message.readUInt32BE(offset)),
    [11, 22],
  );
});
