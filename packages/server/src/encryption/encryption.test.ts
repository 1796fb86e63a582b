import assert from 'node:assert/strict';
import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ApiRequest } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRandom, realRuntime } from '@tiphys/runtime';
import { memoryStore, type Store } from '@tiphys/storage';
import fc from 'fast-check';
import { type ApiServer, createApiServer } from '../api-server.ts';
import { aesCbc, aesGcm, extendedNonceGcm, secretbox } from './ciphers.ts';
import { encryptionPlan } from './configuration.ts';
import { EncryptedStore } from './encrypted-store.ts';
import { kmsCodec } from './kms-client.ts';
import { identity, Transformers } from './transformer.ts';

const random = realRandom();
const KEY = Buffer.alloc(32, 7).toString('base64');
const OTHER = Buffer.alloc(32, 8).toString('base64');
const configuration = (...resources: object[]) =>
  JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources });
const cipher = (kind: string, ...keys: [string, string][]) => ({ [kind]: { keys: keys.map(([name, secret]) => ({ name, secret })) } });

test('every cipher reads what it has written, and nothing that was changed', () => {
  for (const make of [aesGcm, secretbox, extendedNonceGcm, aesCbc]) {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 200 }), fc.nat(), (secret, value, at) => {
        const one = make(secret, random);
        const written = Buffer.from(one.toStorage(value, '/registry/secrets/a/b'));
        assert.deepEqual(Buffer.from(one.fromStorage(written, '/registry/secrets/a/b')), Buffer.from(value));
        if (make === aesCbc) return;
        written[at % written.length]! ^= 1;
        assert.throws(() => one.fromStorage(written, '/registry/secrets/a/b'));
      }),
      { numRuns: 30 },
    );
    assert.throws(() => make(Buffer.alloc(32), random).fromStorage(Buffer.alloc(5), 'k'), /shorter than the required size/);
  }
  const gcm = aesGcm(Buffer.alloc(16), random);
  assert.throws(() => gcm.fromStorage(gcm.toStorage(Buffer.from('x'), '/a'), '/b'), /message authentication failed/);
});

test('stored forms are upstream’s', () => {
  // NaCl's own example of crypto_secretbox, as golang.org/x/crypto tests it: message 3, nonce 2, key 1.
  const box = secretbox(Buffer.alloc(32, 1), random);
  const sealed = Buffer.concat([
    Buffer.alloc(24, 2),
    Buffer.from(
      '8442bc313f4626f1359e3b50122b6ce6fe66ddfe7d39d14e637eb4fd5b45beadab55198df6ab5368439792a23c87db70acb6156dc5ef957ac04f6276cf6093b84be77ff0849cc33e34b7254d5a8f65ad',
      'hex',
    ),
  ]);
  assert.deepEqual(Buffer.from(box.fromStorage(sealed, '')), Buffer.alloc(64, 3));
  // HKDF's first 32 bytes without its extraction are the key, and the info stands before the nonce.
  const info = randomBytes(32);
  const nonce = randomBytes(12);
  const seed = hkdfSync('sha256', 'any', 'salt', '', 32);
  const one = extendedNonceGcm(Buffer.from(seed), random);
  const written = one.toStorage(Buffer.from('value'), 'key');
  assert.equal(written.length, 32 + 12 + 5 + 16);
  const plain = createCipheriv('aes-256-gcm', Buffer.alloc(32, 5), nonce).setAAD(Buffer.from('key'));
  const data = Buffer.concat([nonce, plain.update('value'), plain.final(), plain.getAuthTag()]);
  assert.equal(Buffer.from(aesGcm(Buffer.alloc(32, 5), random).fromStorage(data, 'key')).toString(), 'value');
  assert.equal(info.length, 32);
});

const SECRETS = '/api/v1/namespaces/a/secrets';
const KEY_OF_X = '/registry/secrets/a/x';

async function serverOn(store: Store, text: string): Promise<ApiServer> {
  const server = createApiServer({ runtime: realRuntime(), store, definitions: builtinDefinitions(), encryptionConfiguration: text });
  await server.ready;
  return server;
}

const ask = async (server: ApiServer, method: ApiRequest['method'], url: string, body?: object) => {
  const user = { name: 'admin', groups: ['system:masters'] };
  const answer = await server.handle({ method, url, headers: {}, user, ...(body ? { body } : {}) });
  assert.ok(answer.body.kind === 'object');
  assert.ok(answer.status < 300, JSON.stringify(answer.body.object));
  return answer.body.object as any;
};
const stored = async (store: Store, key: string) => Buffer.from((await store.get(key))!.value).toString('latin1');
const secret = { metadata: { name: 'x' }, stringData: { password: 'very secret' } };

test('secrets are stored encrypted, served plainly, and written anew under a new key', async () => {
  const store = memoryStore();
  const old = configuration({ resources: ['secrets'], providers: [cipher('aescbc', ['one', KEY]), { identity: {} }] });
  const server = await serverOn(store, old);
  const created = await ask(server, 'POST', SECRETS, secret);
  await ask(server, 'POST', '/api/v1/namespaces/a/configmaps', { metadata: { name: 'x' }, data: { a: 'plain' } });
  assert.match(await stored(store, KEY_OF_X), /^k8s:enc:aescbc:v1:one:/);
  assert.match(await stored(store, '/registry/configmaps/a/x'), /^\{"kind":"ConfigMap"/);
  assert.equal(Buffer.from(created.data.password, 'base64').toString(), 'very secret');
  // Nothing changes, and nothing is written.
  assert.equal((await ask(server, 'PUT', `${SECRETS}/x`, created)).metadata.resourceVersion, created.metadata.resourceVersion);
  server.updateEncryption(
    configuration({ resources: ['secrets'], providers: [cipher('secretbox', ['two', OTHER]), cipher('aescbc', ['one', KEY])] }),
  );
  const rewritten = await ask(server, 'PUT', `${SECRETS}/x`, created);
  assert.notEqual(rewritten.metadata.resourceVersion, created.metadata.resourceVersion);
  assert.match(await stored(store, KEY_OF_X), /^k8s:enc:secretbox:v1:two:/);
  assert.throws(() => server.updateEncryption(configuration()), /resources: Required value/);
  await server.close();
  const again = await serverOn(
    store,
    configuration({ resources: ['*.*'], providers: [cipher('secretbox', ['two', OTHER]), { identity: {} }] }),
  );
  assert.equal((await ask(again, 'GET', `${SECRETS}/x`)).data.password, created.data.password);
  await again.close();
  await assert.rejects(
    serverOn(store, configuration({ resources: ['secrets'], providers: [cipher('aesgcm', ['two', KEY])] })),
    /unable to transform key "\/registry\/secrets\/a\/x": no matching prefix found/,
  );
});

test('watches hear of encrypted objects in order, before the writer does', async () => {
  const inner = memoryStore();
  const slow = {
    prefix: 'k8s:enc:slow:',
    toStorage: (value: Uint8Array) => Buffer.from(value).reverse(),
    fromStorage: (data: Uint8Array) => Promise.resolve(Buffer.from(data).reverse()),
  };
  const store = new EncryptedStore(inner, (key) => (key.startsWith('/r/s') ? new Transformers([slow, identity]) : undefined));
  const begin = inner.revision;
  await inner.commit({ type: 'put', key: '/r/s1', value: Buffer.from('k8s:enc:slow:dlo') });
  const seen: string[] = [];
  store.watch('/r/', begin, (events) => seen.push(...events.map(({ record }) => Buffer.from(record.value).toString())));
  await store.commit({ type: 'put', key: '/r/s2', value: Buffer.from('new') });
  await store.commit({ type: 'put', key: '/r/x', value: Buffer.from('plain') });
  assert.deepEqual(seen, ['old', 'new', 'plain']);
  assert.equal(Buffer.from((await inner.get('/r/s2'))!.value).toString(), 'k8s:enc:slow:wen');
  const { records } = await store.list('/r/');
  assert.deepEqual(
    records.map(({ value }) => Buffer.from(value).toString()),
    ['old', 'new', 'plain'],
  );
  await inner.commit({ type: 'put', key: '/r/s3', value: Buffer.from('left plain') });
  assert.deepEqual([await store.isStale('/r/s2'), await store.isStale('/r/s3'), await store.isStale('/r/x')], [false, true, false]);
  assert.equal(seen.at(-1), 'left plain');
});

test('a wrong configuration is refused in upstream’s words', () => {
  const refused = (message: RegExp, ...entries: object[]) =>
    assert.throws(() => encryptionPlan(configuration(...entries), realRuntime()), message);
  const good = [cipher('aesgcm', ['k', KEY])];
  refused(/secret is not of the expected length, got 3, expected one of \[16 24 32\]/, {
    resources: ['secrets'],
    providers: [cipher('aesgcm', ['k', 'YWJj'])],
  });
  refused(/secrets must be base64 encoded/, { resources: ['secrets'], providers: [cipher('secretbox', ['k', '%%'])] });
  refused(/more than one provider specified in a single element/, { resources: ['secrets'], providers: [{ ...good[0], identity: {} }] });
  refused(/use '\*\.' to encrypt all the resources from core API group/, { resources: ['*'], providers: good });
  refused(/overlapping resources/, { resources: ['secrets', '*.'], providers: good });
  refused(/the same resource cannot be specified multiple times/, { resources: ['secrets', 'secrets'], providers: good });
  refused(/Use 'events' instead/, { resources: ['events.events.k8s.io'], providers: good });
  refused(
    /"secrets." is masked by earlier rule "\*\."/,
    { resources: ['*.'], providers: good },
    { resources: ['secrets'], providers: good },
  );
  refused(/KMSv1 is deprecated/, { resources: ['secrets'], providers: [{ kms: { name: 'a', endpoint: 'unix:///x' } }] });
  const kms = { apiVersion: 'v2', name: 'a:b', endpoint: 'http://x', cachesize: 5 };
  refused(/must not contain ':'.*unsupported scheme "http".*cachesize is not supported in v2/s, {
    resources: ['secrets'],
    providers: [{ kms }],
  });
});

const folder = mkdtempSync(join(tmpdir(), 'kms-'));
after(() => rmSync(folder, { recursive: true }));

/** A plugin that turns bytes around. Returns its endpoint and how often it was asked. */
async function plugin(keyId: () => string): Promise<{ endpoint: string; asked: Record<string, number> }> {
  const asked = { Encrypt: 0, Decrypt: 0, Status: 0 };
  const server = new Server();
  after(() => server.forceShutdown());
  const method = (name: keyof typeof asked, answer: (request: any) => object) => ({
    path: `/v2.KeyManagementService/${name}`,
    requestStream: false as const,
    responseStream: false as const,
    requestSerialize: (message: object) => Buffer.from(kmsCodec.encode(`${name}Request`, message)),
    requestDeserialize: (bytes: Buffer) => kmsCodec.decode(`${name}Request`, bytes),
    responseSerialize: (message: object) => Buffer.from(kmsCodec.encode(`${name}Response`, message)),
    responseDeserialize: (bytes: Buffer) => kmsCodec.decode(`${name}Response`, bytes),
    answer,
  });
  const methods = {
    Status: method('Status', () => ({ version: 'v2', healthz: 'ok', keyId: keyId() })),
    Encrypt: method('Encrypt', ({ plaintext }) => ({
      ciphertext: Buffer.from(plaintext).reverse(),
      keyId: keyId(),
      annotations: { 'kms.example.com/a': Buffer.from('b') },
    })),
    Decrypt: method('Decrypt', ({ ciphertext }) => ({ plaintext: Buffer.from(ciphertext).reverse() })),
  };
  server.addService(
    methods as never,
    Object.fromEntries(
      Object.entries(methods).map(([name, { answer }]) => [
        name,
        ({ request }: any, callback: any) => {
          asked[name as keyof typeof asked]++;
          callback(null, answer(request));
        },
      ]),
    ) as never,
  );
  const endpoint = `unix://${join(folder, 'kms.sock')}`;
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(endpoint, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
  return { endpoint, asked };
}

test('a KMS plugin keeps the seeds: asked for one, and once for each that is met again', async () => {
  const kms = await plugin(() => 'key-1');
  const text = configuration({ resources: ['secrets'], providers: [{ kms: { apiVersion: 'v2', name: 'mine', endpoint: kms.endpoint } }] });
  const store = memoryStore();
  const server = await serverOn(store, text);
  for (const name of ['x', 'y', 'z']) await ask(server, 'POST', SECRETS, { ...secret, metadata: { name } });
  assert.equal(kms.asked.Encrypt, 1);
  assert.match(await stored(store, KEY_OF_X), /^k8s:enc:kms:v2:mine:.*key-1.*kms\.example\.com\/a/s);
  const health = await server.handle({ method: 'GET', url: '/readyz/kms-providers', headers: {} });
  assert.equal(health.status, 200);
  await server.close();
  const again = await serverOn(store, text);
  assert.equal((await ask(again, 'GET', SECRETS)).items.length, 3);
  assert.equal(kms.asked.Decrypt, 1);
  await again.close();
});

test('while the KMS plugin is away nothing can be written, and health says so', async () => {
  const text = configuration({
    resources: ['secrets'],
    providers: [{ kms: { apiVersion: 'v2', name: 'mine', endpoint: `unix://${folder}/none.sock`, timeout: '1s' } }],
  });
  const server = await serverOn(memoryStore(), text);
  const user = { name: 'admin', groups: ['system:masters'] };
  const refused = await server.handle({ method: 'POST', url: SECRETS, headers: {}, user, body: secret });
  assert.equal(refused.status, 500);
  assert.equal((await server.handle({ method: 'GET', url: '/healthz/kms-providers', headers: {} })).status, 500);
  await server.close();
});
