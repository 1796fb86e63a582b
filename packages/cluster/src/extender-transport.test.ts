// Extenders over HTTPS, with the certificates that a configuration names.
import assert from 'node:assert/strict';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { realRuntime } from '@tiphys/runtime';
import { clusterKeys, memoryKeyFiles } from './certificates/cluster-keys.ts';
import { extenderTransport } from './extender-transport.ts';

const keys = clusterKeys(realRuntime(), memoryKeyFiles(), ['127.0.0.1', 'extender.example']);
const base64 = (text: string) => Buffer.from(text).toString('base64');
const caData = base64(keys.authority.certificatePem);
const TIMEOUT_MS = 30_000;

async function listening(options: ServerOptions = {}, statusCode = 200) {
  const server = createServer({ key: keys.server.privateKeyPem, cert: keys.server.certificatePem, ...options }, (request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(statusCode).end(JSON.stringify({ Error: '' })));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/filter`;
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test('a server is trusted by the authority that the configuration has', async () => {
  await using server = await listening();
  assert.deepEqual(await extenderTransport({ caData }, false)(server.url, {}, TIMEOUT_MS), { Error: '' });
  await assert.rejects(extenderTransport(undefined, false)(server.url, {}, TIMEOUT_MS), /certificate/);
});

test('without an authority everybody is trusted when HTTPS is asked for, or when that is said', async () => {
  await using server = await listening();
  for (const send of [extenderTransport(undefined, true), extenderTransport({ insecure: true }, false)])
    assert.deepEqual(await send(server.url, {}, TIMEOUT_MS), { Error: '' });
});

test('the name to expect may be another than the address', async () => {
  await using server = await listening();
  await extenderTransport({ caData, serverName: 'extender.example' }, false)(server.url, {}, TIMEOUT_MS);
  await assert.rejects(extenderTransport({ caData, serverName: 'other.example' }, false)(server.url, {}, TIMEOUT_MS), /other\.example/);
});

test('a server that wants a certificate gets it', async () => {
  await using server = await listening({ requestCert: true, rejectUnauthorized: true, ca: keys.authority.certificatePem });
  const [certData, keyData] = [keys.administrator.certificatePem, keys.administrator.privateKeyPem].map(base64);
  await extenderTransport({ caData, certData: certData!, keyData: keyData! }, false)(server.url, {}, TIMEOUT_MS);
  await assert.rejects(extenderTransport({ caData }, false)(server.url, {}, TIMEOUT_MS));
});

test('another status than 200 is an error that names it', async () => {
  await using server = await listening({}, 503);
  await assert.rejects(extenderTransport({ caData }, false)(server.url, {}, TIMEOUT_MS), /failed filter with extender at URL .*, code 503/);
});
