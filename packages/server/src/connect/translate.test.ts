// A WebSocket client on one side, a node that speaks SPDY on the other.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { ApiRequest } from '@tiphys/machinery';
import { WebSocket } from 'ws';
import { type NodeServer, spdyNode } from './testing/spdy-node.ts';
import { type CommandBackend, translateCommand } from './translate.ts';
import { tunnelSpdy } from './tunnel.ts';

async function dialed(port: number) {
  const connection = connect(port, '127.0.0.1');
  await once(connection, 'connect');
  return connection;
}

interface Lab extends Disposable {
  node: NodeServer;
  client: WebSocket;
  messages: Buffer[];
  closed: Promise<unknown>;
}

async function lab(protocol: string, status?: string): Promise<Lab> {
  const node = await spdyNode(status);
  const server: Server = createServer();
  server.on('upgrade', (incoming, socket, head) => {
    const request: ApiRequest = { method: 'GET', url: '/', headers: incoming.headers as Record<string, string> };
    const backend: CommandBackend = {
      path: '/exec/default/p/c?command=x',
      host: 'node:10250',
      connect: () => dialed(node.port),
    };
    const streams = { stdin: true, stdout: true, stderr: true, tty: true };
    void translateCommand(request, socket, head, backend, streams);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as { port: number }).port}/`, protocol);
  const messages: Buffer[] = [];
  client.on('message', (data: Buffer) => void messages.push(data));
  const closed = once(client, 'close');
  await once(client, 'open');
  return {
    node,
    client,
    messages,
    closed,
    [Symbol.dispose]: () => {
      client.terminate();
      server.close();
      server.closeAllConnections();
      node.close();
    },
  };
}

const on = (channel: number, text: string | Buffer) => Buffer.concat([Buffer.from([channel]), Buffer.from(text)]);

test('channels become streams, the end of stdin is passed on, and the status comes last', async () => {
  using all = await lab('v5.channel.k8s.io');
  all.client.send(on(0, 'early input'));
  const node = await all.node.accepted;
  await node.until(() => node.streams.size === 5 && node.streams.get('stdin')!.received.length > 0);
  assert.match(node.head, /^POST \/exec\/default\/p\/c\?command=x HTTP\/1\.1\r\nHost: node:10250/);
  assert.deepEqual([...node.streams.keys()], ['error', 'stdin', 'stdout', 'stderr', 'resize']);
  all.client.send(on(4, '{"Width":80,"Height":24}'));
  all.client.send(on(255, Buffer.from([0])));
  await node.until(() => node.streams.get('stdin')!.ended && node.streams.get('resize')!.received.length > 0);
  assert.equal(node.streams.get('stdin')!.received.toString(), 'early input');
  node.ping();
  await node.until(() => node.pings === 1);
  node.send('stdout', 'out');
  node.send('stderr', 'err');
  const large = Buffer.alloc(3_000_000, 'x');
  node.send('stdout', large);
  node.send('error', '{"status":"Failure","reason":"NonZeroExitCode"}', true);
  await all.closed;
  assert.deepEqual(all.messages[0], Buffer.from([1]), 'an empty message first');
  assert.deepEqual(all.messages[1], on(1, 'out'));
  assert.deepEqual(all.messages[2], on(2, 'err'));
  const rest = all.messages.slice(3, -1);
  assert.equal(
    rest.reduce((sum, data) => sum + data.length - 1, 0),
    large.length,
  );
  assert.equal(all.messages.at(-1)!.toString(), '\u0003{"status":"Failure","reason":"NonZeroExitCode"}');
});

test("a node's refusal is the command's status", async () => {
  const text = 'container not found ("c")';
  using all = await lab('v5.channel.k8s.io', `HTTP/1.1 500 Error\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  await all.closed;
  const status = JSON.parse(all.messages.at(-1)!.subarray(1).toString()) as { message: string; code: number };
  assert.equal(status.message, 'Internal error occurred: unable to upgrade connection: container not found ("c")');
  assert.equal(status.code, 500);
});

test('a tunnel carries bytes as they are', async () => {
  const node = await spdyNode('HTTP/1.1 101 Switching Protocols\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\nfirst');
  const server = createServer();
  server.on('upgrade', (incoming, socket, head) => {
    const request: ApiRequest = { method: 'GET', url: '/', headers: incoming.headers as Record<string, string> };
    void tunnelSpdy(request, socket, head, { path: '/portForward/n/p', host: 'node:10250', connect: () => dialed(node.port) });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = await dialed((server.address() as { port: number }).port);
  try {
    // By hand: the client library refuses the protocol's name.
    const headers = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    headers.push('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io');
    client.write(`GET / HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    let received = '';
    const closed = once(client, 'close');
    const greeted = new Promise<void>((resolve) =>
      client.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
        if (received.includes('\u0082\u0005first')) resolve();
      }),
    );
    await greeted;
    assert.match(received, /^HTTP\/1\.1 101 [\s\S]*\r\nSec-WebSocket-Protocol: SPDY\/3\.1\+portforward\.k8s\.io\r\n/);
    const spdy = await node.accepted;
    assert.match(spdy.head, /x-stream-protocol-version: portforward\.k8s\.io/);
    // A masked binary message with a SPDY ping in it; the mask is zero.
    client.write(Buffer.from('828c00000000800300060000000400000001', 'hex'));
    await spdy.until(() => spdy.pings === 1);
    spdy.close();
    client.write(Buffer.from('888000000000', 'hex'));
    await closed;
  } finally {
    client.destroy();
    server.close();
    node.close();
  }
});
