import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@tiphys/runtime';
import { memoryKeyFiles, SHARED_KEY_FILES } from '../certificates/cluster-keys.ts';
import { completeConfiguration, etcdEndpoints } from '../configuration.ts';
import { parcelOf, seal, unseal } from './server-parcel.ts';
import { isServerToken, newServerToken, newToken, parseToken, serverTokenText, tokenFacts, tokenSecret, tokenText } from './token.ts';

const random = seededRandom(7);
const etcd = 'https://192.0.2.1:2379';
const readText = (path: string) => `text of ${path}`;

function keys() {
  const files = memoryKeyFiles();
  for (const name of SHARED_KEY_FILES) files.write(name, `${name}’s text`);
  files.write('apiserver.key', 'its own');
  return files;
}

test('a parcel has what servers share, and nothing that is one machine’s own', () => {
  const configuration = completeConfiguration({
    etcd,
    etcdKeyFile: 'client.key',
    encryptionProviderConfigFile: '/etc/encryption.yaml',
    advertiseAddress: '192.0.2.1',
    nodeName: 'first',
    serviceCidr: '10.100.0.0/16',
  });
  const parcel = parcelOf(configuration, keys(), readText);
  assert.deepEqual(Object.keys(parcel.keys).sort(), [...SHARED_KEY_FILES].sort());
  assert.deepEqual(parcel.files, {
    etcdKeyFile: 'text of client.key',
    encryptionProviderConfigFile: 'text of /etc/encryption.yaml',
  });
  assert.deepEqual([parcel.configuration.serviceCidr, etcdEndpoints(parcel.configuration)], ['10.100.0.0/16', [etcd]]);
  for (const field of ['advertiseAddress', 'nodeName', 'runtime', 'etcdKeyFile'] as const)
    assert.ok(!(field in parcel.configuration), field);
});

test('a cluster in a file, or on an etcd of this machine alone, has no further servers', () => {
  const parcel = (given: object) => parcelOf(completeConfiguration(given), keys(), readText);
  assert.throws(() => parcel({}), /is a file on this machine.* tiphys backup FILE, .* tiphys restore FILE --data-dir NEW --etcd ENDPOINTS/);
  for (const host of ['127.0.0.1', 'localhost', '[::1]'])
    assert.throws(() => parcel({ etcd: `${etcd},http://${host}:2379` }), /other machines can’t reach etcd at http/, host);
});

test('only the whole token opens what was sealed for it', () => {
  const parcel = parcelOf(completeConfiguration({ etcd }), keys(), readText);
  const token = newServerToken(random);
  const sealed = seal(parcel, token, random);
  assert.deepEqual(unseal(sealed, token), parcel);
  assert.ok(!sealed.toString('latin1').includes('ca.key'));
  const changed = Buffer.from(sealed);
  changed[40]! ^= 1;
  for (const [bytes, used] of [
    [sealed, { ...token, key: newServerToken(random).key }],
    [sealed, { ...token, id: 'abcdef' }],
    [changed, token],
    [sealed.subarray(0, 20), token],
    [Buffer.alloc(0), token],
  ] as const)
    assert.throws(() => unseal(bytes, used), /can't be opened with it: the token's third part is wrong/);
});

test('a server’s token has a third part, which the cluster is not told', () => {
  const token = newServerToken(random);
  assert.deepEqual(parseToken(serverTokenText(token)), token);
  assert.equal(isServerToken(parseToken(tokenText(newToken(random)))), false);
  assert.throws(() => parseToken(`${tokenText(token)}.short`), /for a server \.KEY with 50 more/);
  const secret = tokenSecret(token, undefined);
  const kept = Object.values(secret.data!).map((text) => Buffer.from(text, 'base64').toString());
  assert.ok(!kept.some((text) => text.includes(token.key)));
  assert.match(tokenFacts(secret).description, /^For servers/);
});
