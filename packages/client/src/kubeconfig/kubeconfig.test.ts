import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { addContext, removeContext } from './contexts.ts';
import { loadKubeconfig } from './load.ts';
import { KubeconfigError } from './types.ts';

const OURS = (server = 'https://127.0.0.1:6443', authority = 'b3Vycw==') => `apiVersion: v1
kind: Config
clusters:
  - name: inner
    cluster: { server: "${server}", certificate-authority-data: "${authority}" }
users:
  - name: admin
    user: { client-certificate-data: Y2VydA==, client-key-data: a2V5 }
contexts:
  - name: inner
    context: { cluster: inner, user: admin }
current-context: inner
`;

const USERS = `# my clusters
apiVersion: v1
kind: Config
clusters:
- name: work # the one that pays
  cluster:
    server: https://work.example
    certificate-authority: pki/ca.crt
    unknown-field: kept
contexts:
- name: work
  context: {cluster: work, user: me, namespace: team}
current-context: work
users:
- name: me
  user: {token: secret}
`;

let folder = '';
let environment: Record<string, string>;
const at = (name: string) => join(folder, name);
const write = (name: string, text: string) => {
  mkdirSync(join(at(name), '..'), { recursive: true });
  writeFileSync(at(name), text);
  return at(name);
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  environment = { HOME: folder };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the first file that names an entry or a current context wins, and paths are relative to their file', () => {
  const first = write('one/config', USERS.replace('current-context: work', 'current-context: ""'));
  const second = write('two/config', OURS().replaceAll('inner', 'work'));
  const config = loadKubeconfig({ environment: { KUBECONFIG: `${first}:${at('missing')}::${second}` } });
  assert.equal(config.currentContext, 'work');
  assert.equal(config.clusters.get('work')?.server, 'https://work.example');
  assert.equal(config.clusters.get('work')?.['certificate-authority'], at('one/pki/ca.crt'));
  assert.deepEqual([...config.users.keys()], ['me', 'admin']);
  assert.deepEqual(config.files, [first, second]);
});

test('a file that was asked for must exist, and a broken one is named', () => {
  assert.throws(() => loadKubeconfig({ path: at('none') }), {
    name: 'KubeconfigError',
    message: `stat ${at('none')}: no such file or directory`,
  });
  const broken = write('broken', 'clusters: [');
  assert.throws(
    () => loadKubeconfig({ path: broken }),
    (error) => error instanceof KubeconfigError && error.message.includes(broken),
  );
  assert.throws(() => loadKubeconfig({ path: write('list', '- a') }), /holds no Config object/);
  assert.throws(() => loadKubeconfig({ path: write('names', 'clusters: [{cluster: {}}]') }), /list of named entries/);
});

test('a context is added beside what is there, comments and unknown fields kept, and taken out again without a trace', async () => {
  const own = write('data/kubeconfig', OURS());
  const users = write('.kube/config', USERS);
  await addContext(own, 'tiphys', environment);
  const text = readFileSync(users, 'utf8');
  assert.match(text, /# my clusters/);
  assert.match(text, /# the one that pays/);
  assert.match(text, /unknown-field: kept/);
  const config = loadKubeconfig({ environment });
  assert.equal(config.currentContext, 'tiphys');
  assert.deepEqual(config.contexts.get('tiphys'), { cluster: 'tiphys', user: 'tiphys' });
  assert.equal(config.clusters.get('tiphys')?.server, 'https://127.0.0.1:6443');
  assert.equal(config.users.get('tiphys')?.['client-key-data'], 'a2V5');
  assert.equal(config.clusters.get('work')?.server, 'https://work.example');

  await removeContext('tiphys', environment, own);
  const after = loadKubeconfig({ environment });
  assert.deepEqual([...after.contexts.keys(), ...after.users.keys(), ...after.clusters.keys()], ['work', 'me', 'work']);
  assert.equal(after.currentContext, '');
  assert.equal(existsSync(`${users}.lock`), false);
});

test('a file that was made for the context has mode 0600 and goes with it', async () => {
  const own = write('data/kubeconfig', OURS());
  await addContext(own, 'tiphys', environment);
  assert.equal(statSync(at('.kube/config')).mode & 0o777, 0o600);
  await addContext(own, 'tiphys', environment);
  assert.equal(loadKubeconfig({ environment }).contexts.size, 1);
  await removeContext('tiphys', environment, own);
  assert.equal(existsSync(at('.kube')), false);
});

test('an empty file of the user stays', async () => {
  const own = write('data/kubeconfig', OURS());
  const users = write('.kube/config', 'apiVersion: v1\nkind: Config\n');
  await addContext(own, 'tiphys', environment);
  await removeContext('tiphys', environment, own);
  assert.equal(existsSync(users), true);
  assert.equal(loadKubeconfig({ environment }).contexts.size, 0);
});

test("another cluster's entries of the same name are neither overwritten nor removed", async () => {
  const own = write('data/kubeconfig', OURS());
  const users = write('.kube/config', OURS('https://far.example:6443', 'dGhlaXJz').replaceAll('inner', 'tiphys'));
  const before = readFileSync(users, 'utf8');
  await assert.rejects(addContext(own, 'tiphys', environment), /of its own at https:\/\/far.example:6443/);
  await removeContext('tiphys', environment, own);
  assert.equal(readFileSync(users, 'utf8'), before);
});

test('an entry is changed in the file that owns it; the current context goes into the first file; a link stays a link', async () => {
  const own = write('data/kubeconfig', OURS());
  const first = write('first', USERS);
  const second = write('second', OURS('https://127.0.0.1:1', 'b2xk').replaceAll('inner', 'tiphys'));
  symlinkSync(first, at('link'));
  environment.KUBECONFIG = `${at('link')}:${second}`;
  await addContext(own, 'tiphys', environment);
  assert.equal(loadKubeconfig({ path: second }).clusters.get('tiphys')?.server, 'https://127.0.0.1:6443');
  assert.equal(loadKubeconfig({ path: first }).clusters.has('tiphys'), false);
  assert.equal(loadKubeconfig({ path: first }).currentContext, 'tiphys');
  assert.equal(readFileSync(at('link'), 'utf8'), readFileSync(first, 'utf8'));
});
