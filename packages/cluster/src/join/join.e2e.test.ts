// Two machines, each a network namespace of this one with a cable between them: a server with its node, and a node that joins.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { inNamespace, runProgram } from '@tiphys/network';
import { loadTestImage, serverCommand } from '../testing/images.ts';
import { Machine } from '../testing/machine.ts';
import { isReady, toolsPod } from '../testing/pods.ts';
import { skipWithoutContainers } from '../testing/skip.ts';
import { until } from '../testing/until.ts';

const POD_MS_MAX = 90_000;
const PORT = 8080;

async function cable(first: Machine, second: Machine): Promise<void> {
  for (const { namespace } of [first, second]) await runProgram('ip', ['netns', 'add', namespace]);
  await inNamespace(first.namespace)('ip', ['link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', second.namespace]);
  for (const [{ namespace }, own, other] of [
    [first, '192.0.2.1', '192.0.2.2'],
    [second, '192.0.2.2', '192.0.2.1'],
  ] as const) {
    const run = inNamespace(namespace);
    await run('ip', ['link', 'set', 'lo', 'up']);
    await run('ip', ['address', 'add', `${own}/24`, 'dev', 'cable']);
    await run('ip', ['link', 'set', 'cable', 'up']);
    await run('ip', ['route', 'add', 'default', 'via', other]);
  }
}

/** Says the first line that the address answers beside its headers. */
const ASK =
  '$a=gethostbyname($ARGV[0]) or die "no such name"; socket(S,2,1,6); connect(S,pack("Sna4x8",2,$ARGV[1],$a)) or die "$!";' +
  ' syswrite(S,"GET /\\n"); print <S>';

function podOn(node: string, name: string): corev1.Pod {
  const pod = toolsPod(name, { command: serverCommand(PORT) }, { nodeName: node });
  return { ...pod, metadata: { ...pod.metadata, labels: { app: name } } };
}

const service = (name: string): corev1.Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: PORT }] },
});

describe('a second machine', { skip: await skipWithoutContainers() }, () => {
  const first = new Machine(`join-a-${process.pid}`);
  const second = new Machine(`join-b-${process.pid}`);
  let joining: string[];
  before(async () => {
    await cable(first, second);
    await first.begin(/is ready at/, 'up', '--runtime', 'containerd', '--no-user-kubeconfig');
  });
  after(async () => {
    await second.remove();
    await first.remove();
  });

  test('a wrong token is told as that', async () => {
    const { code, error } = await second.run('server', 'join', 'https://192.0.2.1:6443', '--token', 'abcdef.0123456789abcdef');
    assert.equal(code, 1);
    assert.match(error, /knows no token "abcdef": it is wrong, has expired or was deleted/);
  });

  test('joins with the command that the server prints', async () => {
    joining = (await first.succeed('token', 'create')).trim().split(' ').slice(1);
    assert.match((await first.succeed('token', 'list')).split('\n')[1]!, /authentication,signing/);
    await second.begin(/is in the cluster/, ...joining, '--node-name', 'second');
    const nodes = await first.succeed('get', 'nodes');
    assert.equal(nodes.match(/ Ready /g)?.length, 2, nodes);
    assert.match(await second.succeed('status'), /role: +node second\npod range: +10\.244\.1\.0\/24/);
  });

  test('pods of both reach each other by address, service and name, and their logs and commands are there', async () => {
    await Promise.all([first, second].map(({ directory }) => loadTestImage(join(directory, 'node'))));
    const own = JSON.parse(await first.succeed('get', 'nodes', '-o', 'json')) as { items: corev1.Node[] };
    const firstNode = own.items.map(({ metadata }) => metadata!.name!).find((name) => name !== 'second')!;
    const objects = [podOn(firstNode, 'one'), podOn('second', 'two'), service('one'), service('two')];
    await apply(first, objects);
    const pods = await Promise.all(['one', 'two'].map((name) => readyPod(first, name)));
    for (const [from, to] of [pods, [...pods].reverse()] as [corev1.Pod, corev1.Pod][]) {
      const [name, target] = [from.metadata!.name!, to.metadata!.name!];
      const { spec } = JSON.parse(await first.succeed('get', 'service', target, '-o', 'json')) as corev1.Service;
      for (const [address, port] of [
        [to.status!.podIP!, PORT],
        [spec!.clusterIP!, 80],
        [target, 80],
      ] as const) {
        const answer = await first.succeed('exec', name, '--', '/usr/bin/perl', '-e', ASK, address, String(port));
        assert.match(answer, new RegExp(`\\n${target}\\s*$`), `${name} asks ${address}`);
      }
    }
    assert.equal((await first.run('logs', 'two')).code, 0);
  });

  test('goes on without a token after it was stopped', async () => {
    await second.succeed('down', '--keep-data');
    await second.begin(/is in the cluster/, 'server', 'join');
  });

  test('leaves nothing behind', async () => {
    const { error } = await second.run('down');
    assert.match(error, /kubectl delete node second/);
    assert.equal(await second.traces(), '');
    await first.succeed('delete', 'node', 'second');
    await first.succeed('down');
    assert.equal(await first.traces(), '');
  });
});

async function apply(machine: Machine, objects: readonly object[]): Promise<void> {
  const file = join(machine.directory, 'objects.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  await machine.succeed('apply', '-f', file);
}

function readyPod(machine: Machine, name: string): Promise<corev1.Pod> {
  return until(`pod ${name} is ready`, POD_MS_MAX, async () => {
    const pod = JSON.parse(await machine.succeed('get', 'pod', name, '-o', 'json')) as corev1.Pod;
    return isReady(pod) && pod;
  });
}
