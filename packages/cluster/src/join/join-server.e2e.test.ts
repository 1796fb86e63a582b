// Three machines, each a network namespace of this one, with a member of etcd on each: one is a server, two join it as servers by a token,
// and one of them may go. A fourth joins as a node and does not notice.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { coordinationv1, corev1 } from '@tiphys/api';
import { inNamespace, runProgram } from '@tiphys/network';
import { type EtcdProcess, skipWithoutEtcd, startEtcd } from '@tiphys/storage';
import { stringify } from 'yaml';
import { Machine } from '../testing/machine.ts';
import { skipWithoutContainers } from '../testing/skip.ts';
import { until } from '../testing/until.ts';

const WRITER = fileURLToPath(new URL('../testing/retrying-writer.ts', import.meta.url));
const FAR_MS_MAX = 120_000;
const WRITES = 50;
const SWITCH = `server-switch-${process.pid}`;
const ETCD_AUTHORITY = 'etcd-ca.crt';
const ENCRYPTION = 'encryption.yaml';

const OUTSIDE = '192.0.2.254';
const NODE = 'fourth';

const addressOf = (i: number) => `192.0.2.${i + 1}`;
const withoutContainers = await skipWithoutContainers();
const skip = skipWithoutEtcd() || (process.getuid?.() === 0 ? false : 'machines of their own network need root');

/** All on one switch. */
async function connect(machines: readonly Machine[]): Promise<void> {
  await runProgram('ip', ['netns', 'add', SWITCH]);
  const inSwitch = inNamespace(SWITCH);
  await inSwitch('ip', ['link', 'add', 'switch', 'type', 'bridge']);
  await inSwitch('ip', ['link', 'set', 'switch', 'up']);
  for (const [i, { namespace }] of machines.entries()) {
    await runProgram('ip', ['netns', 'add', namespace]);
    await inSwitch('ip', ['link', 'add', `port${i}`, 'type', 'veth', 'peer', 'name', 'cable', 'netns', namespace]);
    await inSwitch('ip', ['link', 'set', `port${i}`, 'master', 'switch', 'up']);
    const run = inNamespace(namespace);
    await run('ip', ['link', 'set', 'lo', 'up']);
    await run('ip', ['address', 'add', `${addressOf(i)}/24`, 'dev', 'cable']);
    await run('ip', ['link', 'set', 'cable', 'up']);
    // Services are reached by a route for their addresses, which this is.
    await run('ip', ['route', 'add', 'default', 'via', OUTSIDE]);
  }
}

/** What the first server is told; it names files that the others don't have. */
function configurationOf(directory: string, members: readonly EtcdProcess[]): string {
  const secret = Buffer.alloc(32, 'k').toString('base64');
  const providers = [{ aescbc: { keys: [{ name: 'key1', secret }] } }, { identity: {} }];
  const encryption = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [{ resources: ['secrets'], providers }],
  };
  writeFileSync(`${directory}.${ENCRYPTION}`, stringify(encryption));
  const path = `${directory}.server.yaml`;
  const configuration = {
    apiVersion: 'tiphys.dev/v1alpha1',
    kind: 'ClusterConfiguration',
    runtime: 'none',
    host: '0.0.0.0',
    advertiseAddress: addressOf(0),
    etcd: members.map(({ endpoint }) => endpoint).join(','),
    etcdAuthorityFile: `${directory}.${ETCD_AUTHORITY}`,
    encryptionProviderConfigFile: `${directory}.${ENCRYPTION}`,
  };
  writeFileSync(path, stringify(configuration));
  return path;
}

/** A client on a machine that knows all servers. */
class Writer {
  readonly #child: ChildProcess;
  last = { count: 0, retried: 0, failed: [] as string[] };

  constructor(on: Machine, kubeconfigs: readonly string[]) {
    const [program, ...words] = [...on.words, process.execPath, WRITER, ...kubeconfigs];
    this.#child = spawn(program!, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface(this.#child.stdout!).on('line', (line) => {
      this.last = JSON.parse(line);
    });
  }

  async more(writes: number): Promise<void> {
    const enough = this.last.count + writes;
    await until(`${writes} more writes`, FAR_MS_MAX, () => this.last.count >= enough);
  }

  async end() {
    const closed = once(this.#child, 'close');
    this.#child.stdin!.end();
    await closed;
    return this.last;
  }
}

async function apply(machine: Machine, object: object): Promise<void> {
  const file = join(machine.directory, 'object.json');
  writeFileSync(file, JSON.stringify(object));
  await machine.succeed('apply', '-f', file);
}

const labels = { app: 'web' };
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'example.com/c' }] } },
  },
};

const leader = async (machine: Machine) =>
  JSON.parse(await machine.succeed('get', 'lease', 'kube-controller-manager', '-n', 'kube-system', '-o', 'json')).spec.holderIdentity;
const identityOf = ({ directory }: Machine) => readFileSync(join(directory, 'server-id'), 'utf8').trim();

describe('three servers', { skip }, () => {
  const machines = ['a', 'b', 'c'].map((name) => new Machine(`server-${name}-${process.pid}`));
  const [first, second, third] = machines as [Machine, Machine, Machine];
  const fourth = new Machine(`server-d-${process.pid}`);
  let members: EtcdProcess[] = [];
  let joining: string[];
  const joined = (machine: Machine) => machine.begin(/This machine is a server of the cluster/, ...joining);

  before(async () => {
    await connect([...machines, fourth]);
    const places = machines.map(({ words }, i) => ({ words, address: addressOf(i) }));
    members = await startEtcd(machines.length, ['--auto-tls'], 'https', places);
    const authorities = await Promise.all(members.map((member) => member.certificate()));
    writeFileSync(`${first.directory}.${ETCD_AUTHORITY}`, authorities.join('\n'));
    await first.begin(/is ready at/, 'up', '--config', configurationOf(first.directory, members), '--no-user-kubeconfig');
  });
  after(async () => {
    for (const machine of [fourth, ...machines]) await machine.remove();
    for (const member of members) await member.remove();
    for (const name of ['server.yaml', ETCD_AUTHORITY, ENCRYPTION]) await runProgram('rm', ['-f', `${first.directory}.${name}`]);
    await runProgram('ip', ['netns', 'delete', SWITCH]).catch(() => '');
  });

  test('two join with the command that the first one prints', async () => {
    await first.succeed('get', 'nodes');
    joining = (await first.succeed('token', 'create', '--role', 'server')).trim().split(' ').slice(1);
    await joined(second);
    await joined(third);
    const { subsets } = JSON.parse(await third.succeed('get', 'endpoints', 'kubernetes', '-o', 'json')) as corev1.Endpoints;
    assert.deepEqual(subsets?.flatMap(({ addresses }) => addresses?.map(({ ip }) => ip)).sort(), [0, 1, 2].map(addressOf));
    assert.match(await second.succeed('status'), /role: +server/);
    assert.equal((await second.run('up')).error.includes('Start it with: tiphys server join'), true);
  });

  test('a token that was deleted joins nobody', async () => {
    const { directory } = third;
    await first.succeed('token', 'delete', joining[joining.indexOf('--token') + 1]!);
    const { code, error } = await third.run(...joining, '--data-dir', `${directory}-fourth`);
    assert.equal(code, 1);
    assert.match(error, /knows no token "\w{6}": it is wrong, has expired or was deleted/);
  });

  test('a node joins through the first', { skip: withoutContainers }, async () => {
    const words = (await first.succeed('token', 'create')).trim().split(' ').slice(1);
    // Any server may have been the last to say where it is.
    words[2] = `https://${addressOf(0)}:6443`;
    await fourth.begin(/is in the cluster/, ...words, '--node-name', NODE);
  });

  test('the first is killed: another leads, what was encrypted is read, and no request of a client that retries fails', async () => {
    const kubeconfigs = machines.map(({ directory }, i) => {
      const path = join(directory, 'kubeconfig-of-writer');
      writeFileSync(path, readFileSync(join(directory, 'kubeconfig'), 'utf8').replace('127.0.0.1', addressOf(i)));
      return path;
    });
    await apply(first, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hidden' }, stringData: { is: 'word' } });
    assert.equal(await leader(second), identityOf(first));
    const writer = new Writer(second, kubeconfigs);
    await writer.more(WRITES);
    await first.kill();
    await writer.more(WRITES);
    await until('another leads', FAR_MS_MAX, async () => (await leader(third)) !== identityOf(first));
    const { count, retried, failed } = await writer.end();
    assert.deepEqual(failed, []);
    assert.ok(retried > 0);
    const written = (await third.succeed('get', 'configmaps', '-o', 'name')).match(/written-\d+/g);
    assert.equal(written?.length, count);
    const hidden = JSON.parse(await third.succeed('get', 'secret', 'hidden', '-o', 'json')) as corev1.Secret;
    assert.equal(Buffer.from(hidden.data!.is!, 'base64').toString(), 'word');
    await apply(second, deployment);
    await until('the controllers make its pod', FAR_MS_MAX, async () => /pod\/web-/.test(await third.succeed('get', 'pods', '-o', 'name')));
  });

  test('the node goes on with another server', { skip: withoutContainers }, async () => {
    const renewed = async () => {
      const lease = await second.succeed('get', 'lease', NODE, '-n', 'kube-node-lease', '-o', 'json');
      return (JSON.parse(lease) as coordinationv1.Lease).spec!.renewTime!;
    };
    const before = await renewed();
    await until('the node tells that it lives', FAR_MS_MAX, async () => (await renewed()) > before);
    assert.match(await second.succeed('get', 'nodes'), / Ready /);
  });

  test('one that was killed goes on without a token', async () => {
    await third.kill();
    await third.begin(/This machine is a server of the cluster/, 'server', 'join');
    assert.match(await third.succeed('status'), /role: +server/);
  });
});
