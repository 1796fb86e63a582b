// Trouble with images, containers and the container runtime: upstream's states and messages, and the cluster goes on.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { containerdPaths } from '@tiphys/node';
import { cleanUp, dataFolder } from './index.ts';
import { type ClusterProcess, startClusterProcess } from './testing/cluster-process.ts';
import { loadTestImage } from './testing/images.ts';
import { create, eventMessages, isNodeReady, isReady, podUntil, stateOf, toolsPod } from './testing/pods.ts';
import { skipWithoutContainers } from './testing/skip.ts';
import { until } from './testing/until.ts';

const EVENT_MS_MAX = 60_000;
const NODE_MS_MAX = 120_000;

describe('trouble', { skip: await skipWithoutContainers() }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'tiphys-trouble-'));
  const nodeFolder = join(directory, 'node');
  let cluster: ClusterProcess;
  before(async () => {
    cluster = await startClusterProcess({ directory, runtime: 'containerd', port: 0, kubeletPort: 0 });
    await loadTestImage(nodeFolder);
  });
  after(async () => {
    await cluster?.stop();
    await cleanUp(dataFolder(directory));
    rmSync(directory, { recursive: true });
  });
  const events = (pod: string, reason: string, message: RegExp) =>
    until(`event ${reason} ${message}`, EVENT_MS_MAX, async () =>
      (await eventMessages(cluster.client, pod, reason)).some((text) => message.test(text)),
    );

  test('an image that nobody serves', async () => {
    const { client } = cluster;
    const image = '127.0.0.1:1/nobody/nothing:1';
    await create(client, toolsPod('unpullable', { image, imagePullPolicy: 'IfNotPresent' }));
    const failed = await podUntil(client, 'unpullable', 'ErrImagePull', (pod) => stateOf(pod).waiting?.reason === 'ErrImagePull');
    assert.match(stateOf(failed).waiting!.message!, /connection refused/);
    const waits = await podUntil(client, 'unpullable', 'ImagePullBackOff', (pod) => stateOf(pod).waiting?.reason === 'ImagePullBackOff');
    assert.match(
      stateOf(waits).waiting!.message!,
      /^Back-off pulling image "127\.0\.0\.1:1\/nobody\/nothing:1": ErrImagePull: .*connection refused/s,
    );
    assert.equal(waits.status?.phase, 'Pending');
    await events('unpullable', 'Pulling', /^Pulling image "127\.0\.0\.1:1\/nobody\/nothing:1"$/);
    await events('unpullable', 'Failed', /^Failed to pull image "127\.0\.0\.1:1\/nobody\/nothing:1": /);
    await events('unpullable', 'Failed', /^Error: ErrImagePull$/);
    await events('unpullable', 'Failed', /^Error: ImagePullBackOff$/);
    await events('unpullable', 'BackOff', /^Back-off pulling image "127\.0\.0\.1:1\/nobody\/nothing:1"$/);
  });

  test('an image that is not there and may not be pulled', async () => {
    const { client } = cluster;
    await create(client, toolsPod('never', { image: 'test.local/nothing:1', imagePullPolicy: 'Never' }));
    const pod = await podUntil(client, 'never', 'ErrImageNeverPull', (now) => stateOf(now).waiting?.reason === 'ErrImageNeverPull');
    const message = 'Container image "test.local/nothing:1" is not present with pull policy of Never';
    assert.equal(stateOf(pod).waiting!.message, message);
    await events('never', 'ErrImageNeverPull', new RegExp(`^${message}$`));
  });

  test('a container that exits at once', async () => {
    const { client } = cluster;
    const { metadata } = await create(client, toolsPod('exits', { command: ['/bin/sh', '-c', 'exit 3'] }));
    const isWaiting = (restarts: number) => (pod: Parameters<typeof stateOf>[0]) =>
      stateOf(pod).waiting?.reason === 'CrashLoopBackOff' && pod.status!.containerStatuses![0]!.restartCount === restarts;
    const first = await podUntil(client, 'exits', 'CrashLoopBackOff', isWaiting(1));
    const message = `back-off 10s restarting failed container=main pod=exits_default(${metadata!.uid})`;
    assert.equal(stateOf(first).waiting!.message, message);
    const { terminated } = first.status!.containerStatuses![0]!.lastState!;
    assert.deepEqual([terminated!.exitCode, terminated!.reason], [3, 'Error']);
    await events('exits', 'BackOff', /^Back-off restarting failed container main in pod exits_default\(/);
    const second = await podUntil(client, 'exits', 'the second wait', isWaiting(2));
    assert.match(stateOf(second).waiting!.message!, /^back-off 20s /);
  });

  test('a container that wants more memory than it may have', async () => {
    const { client } = cluster;
    const command = ['/usr/bin/perl', '-e', '$x = "a" x (256 << 20); sleep 100'];
    await create(client, toolsPod('hungry', { command, resources: { limits: { memory: '24Mi' } } }, { restartPolicy: 'Never' }));
    const pod = await podUntil(client, 'hungry', 'OOMKilled', (now) => stateOf(now).terminated !== undefined);
    assert.deepEqual([stateOf(pod).terminated!.reason, stateOf(pod).terminated!.exitCode], ['OOMKilled', 137]);
  });

  test('containerd that is killed, and can not start for a while', async () => {
    const { client } = cluster;
    await create(client, toolsPod('lasting', {}));
    const running = await podUntil(client, 'lasting', 'is ready', isReady);
    const paths = containerdPaths(nodeFolder);
    const killContainerd = () => process.kill(Number(readFileSync(paths.pidFile, 'utf8')), 'SIGKILL');
    const pidBefore = readFileSync(paths.pidFile, 'utf8');
    killContainerd();
    await until('containerd is started again', NODE_MS_MAX, () => readFileSync(paths.pidFile, 'utf8') !== pidBefore);
    await create(client, toolsPod('later', {}));
    await podUntil(client, 'later', 'is ready', isReady);

    const configuration = readFileSync(paths.configuration, 'utf8');
    writeFileSync(paths.configuration, 'this is no configuration');
    killContainerd();
    await until('the node is not ready', NODE_MS_MAX, async () => !(await isNodeReady(client)));
    writeFileSync(paths.configuration, configuration);
    await until('the node is ready again', NODE_MS_MAX, () => isNodeReady(client));
    const still = await podUntil(client, 'lasting', 'is ready again', isReady);
    const [was, is] = [running, still].map((pod) => pod.status!.containerStatuses![0]!);
    assert.deepEqual([is!.containerID, is!.restartCount], [was!.containerID, 0]);
  });
});
