// Two machines, each a network namespace of this one with a cable between them: a server with its node, and a node that joins.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { corev1 } from '@tiphys/api';
import { inNamespace, runProgram } from '@tiphys/network';
import { loadTestImage, serverCommand } from '../testing/images.ts';
import { isReady, toolsPod } from '../testing/pods.ts';
import { skipWithoutContainers } from '../testing/skip.ts';
import { until } from '../testing/until.ts';

const COMMAND = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url));
const START_MS_MAX = 120_000;
const POD_MS_MAX = 90_000;
const PORT = 8080;

/** Gathers what the stream brings. */
function textOf(stream: Readable): () => string {
  const parts: string[] = [];
  stream.setEncoding('utf8').on('data', (text: string) => parts.push(text));
  return () => parts.join('');
}

/** A machine with one address on the cable, which leads everywhere. */
class Machine {
  readonly namespace: string;
  readonly directory = mkdtempSync(join(tmpdir(), 'tiphys-join-'));
  readonly #begun: ChildProcess[] = [];

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** Not by `ip netns exec`, which hides the cgroups. */
  #spawn(args: readonly string[]): ChildProcess {
    const program = [`--net=/run/netns/${this.namespace}`, process.execPath, COMMAND, ...args];
    return spawn('nsenter', program, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TIPHYS_DATA_DIR: this.directory } });
  }

  /** What the command printed, and how it ended. */
  async run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
    const child = this.#spawn(args);
    const [out, error] = [textOf(child.stdout!), textOf(child.stderr!)];
    const [code] = await once(child, 'close');
    return { code, out: out(), error: error() };
  }

  async succeed(...args: string[]): Promise<string> {
    const { code, out, error } = await this.run(...args);
    assert.equal(code, 0, `tiphys ${args.join(' ')}: ${error}`);
    return out;
  }

  /** Starts what runs until it is told to stop, and waits for the line that says it is there. */
  async begin(ready: RegExp, ...args: string[]): Promise<void> {
    const child = this.#spawn(args);
    this.#begun.push(child);
    const [out, error] = [textOf(child.stdout!), textOf(child.stderr!)];
    const log = () => out() + error();
    await until(`tiphys ${args.join(' ')}`, START_MS_MAX, () => {
      assert.equal(child.exitCode, null, log());
      return ready.test(log());
    }).catch((cause) => {
      throw new Error(`${cause.message}: ${log()}`, { cause });
    });
  }

  async remove(): Promise<void> {
    await this.run('down');
    for (const child of this.#begun) child.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
    await runProgram('ip', ['netns', 'delete', this.namespace]).catch(() => '');
  }

  /** Everything of ours in its network. */
  async traces(): Promise<string> {
    const run = inNamespace(this.namespace);
    const texts = await Promise.all([run('ip', ['link', 'show']), run('ip', ['route', 'show']), run('nft', ['list', 'tables'])]);
    return (
      texts
        .join('')
        .match(/tiphys\S*|.*proto 84.*|10\.244\.\S+/g)
        ?.join('\n') ?? ''
    );
  }
}

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
