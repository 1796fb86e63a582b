// Which container instance a log request means, and upstream's sentences for those without a log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subresourcesOf } from './access.ts';
import { loggedContainer, logOptionsOf } from './container-logs.ts';
import type { Pod } from './host.ts';
import { streamTarget } from './stream-url.ts';
import { upgradeHead } from './upgrade-proxy.ts';

type Status = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

function asked(status: Partial<Status>, previous = false): string {
  const full = { name: 'c', image: 'i', imageID: '', ready: false, restartCount: 0, ...status } as Status;
  try {
    return loggedContainer({ metadata: { name: 'p' }, status: { containerStatuses: [full] } }, 'c', previous);
  } catch (error) {
    return (error as Error).message;
  }
}

test('the instance, or why there is none', () => {
  const terminated = (containerID?: string) => ({ terminated: { exitCode: 1, ...(containerID ? { containerID } : {}) } });
  const waiting = (reason: string) => ({ state: { waiting: { reason } } });
  assert.equal(asked({ state: { running: {} }, containerID: 'containerd://now' }), 'now');
  assert.equal(asked({ state: terminated('containerd://over') }), 'over');
  assert.equal(asked({ ...waiting('CrashLoopBackOff'), lastState: terminated('containerd://before') }), 'before');
  assert.equal(asked({ state: { running: {} }, lastState: terminated('containerd://before') }, true), 'before');
  assert.equal(asked({ state: terminated() }), 'container "c" in pod "p" is terminated');
  assert.equal(asked(waiting('ContainerCreating')), 'container "c" in pod "p" is waiting to start: ContainerCreating');
  assert.equal(asked(waiting('ErrImagePull')), 'container "c" in pod "p" is waiting to start: image can\'t be pulled');
  assert.equal(asked(waiting('ImagePullBackOff')), 'container "c" in pod "p" is waiting to start: trying and failing to pull image');
  assert.equal(asked({}), 'container "c" in pod "p" is waiting to start - no logs yet');
  assert.equal(asked({ state: { running: {} } }, true), 'previous terminated container "c" in pod "p" not found');
  assert.throws(() => loggedContainer({ metadata: { name: 'p' } }, 'c', false), /container "c" in pod "p" is not available/);
});

test('log options', () => {
  const options = (query: string) => logOptionsOf(new URLSearchParams(query), 100_000);
  assert.deepEqual(options('follow=true&tailLines=3&sinceSeconds=10&limitBytes=5&timestamps=1&stream=Stderr'), {
    previous: false,
    follow: true,
    timestamps: true,
    tailLines: 3,
    sinceMs: 90_000,
    limitBytes: 5,
    stream: 'stderr',
  });
  assert.equal(options('tail=all').tailLines, undefined);
  assert.equal(options('sinceTime=1970-01-01T00:00:02Z').sinceMs, 2000);
  for (const [query, status] of [
    ['tailLines=x', 400],
    ['tailLines=-1', 422],
    ['sinceSeconds=0', 422],
    ['sinceTime=never', 400],
    ['stream=both', 422],
  ] as const) {
    assert.throws(() => options(query), { status }, query);
  }
});

test('what a path needs of the caller', () => {
  assert.deepEqual(subresourcesOf('/pods'), ['pods', 'proxy']);
  assert.deepEqual(subresourcesOf('/healthz/ping'), ['healthz', 'proxy']);
  assert.deepEqual(subresourcesOf('/stats/summary'), ['stats']);
  assert.deepEqual(subresourcesOf('/metrics/resource'), ['metrics']);
  assert.deepEqual(subresourcesOf('/exec/default/p/c'), ['proxy']);
  assert.deepEqual(subresourcesOf('/statsfoo'), ['proxy']);
});

test('streams of a command', () => {
  const target = (query: string) => streamTarget(new URLSearchParams(query));
  assert.deepEqual(target('input=1&output=1&error=1&tty=1'), { stdin: true, stdout: true, stderr: false, tty: true });
  assert.throws(() => target('tty=1'), /you must specify at least 1 of stdin, stdout, stderr/);
});

test('the request that goes on to the runtime', () => {
  const headers = {
    host: 'a',
    authorization: 'Bearer t',
    upgrade: 'SPDY/3.1',
    'x-stream-protocol-version': 'v4.channel.k8s.io, v3.channel.k8s.io',
  };
  const head = upgradeHead({ method: 'POST', headers }, new URL('http://127.0.0.1:1234/exec/token'));
  assert.deepEqual(head.trimEnd().split('\r\n'), [
    'POST /exec/token HTTP/1.1',
    'Host: 127.0.0.1:1234',
    'upgrade: SPDY/3.1',
    'x-stream-protocol-version: v4.channel.k8s.io',
    'x-stream-protocol-version: v3.channel.k8s.io',
  ]);
});
