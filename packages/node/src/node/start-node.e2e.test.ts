// The life of a pod on a node with real containers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { conditionOf, type RealNode, realNode, realPod, reasonToSkip } from '../../test/real-node.ts';
import { SANDBOX_IMAGE } from '../containerd/configuration.ts';

describe('a node with real containers', { skip: await reasonToSkip() }, () => {
  let real: RealNode;
  before(async () => {
    real = await realNode(10_950);
  });
  after(() => real?.[Symbol.asyncDispose]());

  test('a pod runs, and goes when it is deleted', async () => {
    const running = await real.create(realPod('simple'));
    assert.equal(running.status!.phase, 'Running');
    assert.match(running.status!.containerStatuses![0]!.containerID!, /^containerd:\/\/[0-9a-f]{64}$/);
    const { node, pods } = await real.node().usage();
    assert.ok(node.memoryWorkingSetBytes > 0);
    assert.deepEqual(
      pods.find(({ name }) => name === 'simple')?.containers.map(({ name }) => name),
      ['c'],
    );
    await real.client.of(corev1.pods).delete('simple', 'default');
    await real.until('simple', (found) => found === undefined);
  });

  test('a container gets other limits while it runs', async () => {
    const resources = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
    const before = await real.create(realPod('resized', {}, { resources: resources('20m', '32Mi') }));
    const spec = { containers: [{ name: 'c', resources: resources('30m', '48Mi') }] };
    await real.client.of(corev1.pods).patch('resized', 'default', 'strategic', { spec }, { subresource: 'resize' });
    const resized = await real.until('resized', (found) => {
      const [status] = found?.status?.containerStatuses ?? [];
      return status?.resources?.limits?.memory === '48Mi' && !conditionOf(found!, 'PodResizeInProgress');
    });
    const [status] = resized!.status!.containerStatuses!;
    assert.deepEqual(status!.resources, resources('30m', '48Mi'));
    assert.deepEqual(status!.allocatedResources, { cpu: '30m', memory: '48Mi' });
    assert.equal(status!.containerID, before.status!.containerStatuses![0]!.containerID);
    assert.equal(resized!.status!.observedGeneration, resized!.metadata!.generation);
  });

  test('a resize for which there is no room has to wait', async () => {
    await real.create(realPod('waiting', {}, { resources: { requests: { cpu: '10m' } } }));
    const spec = { containers: [{ name: 'c', resources: { requests: { cpu: '4000' } } }] };
    await real.client.of(corev1.pods).patch('waiting', 'default', 'strategic', { spec }, { subresource: 'resize' });
    const waiting = await real.until('waiting', (found) => found !== undefined && conditionOf(found, 'PodResizePending') !== undefined);
    assert.equal(conditionOf(waiting!, 'PodResizePending')!.reason, 'Deferred');
    assert.deepEqual(waiting!.status!.containerStatuses![0]!.allocatedResources, { cpu: '10m' });
  });

  test('an image is mounted as a volume', async () => {
    const volumes = [{ name: 'image', image: { reference: SANDBOX_IMAGE, pullPolicy: 'Never' } }];
    // The program that runs comes from the volume.
    const mounts = { command: ['/volume/pause'], volumeMounts: [{ name: 'image', mountPath: '/volume' }] };
    assert.equal((await real.create(realPod('mounting', { volumes }, mounts))).status!.phase, 'Running');
  });

  test('what this machine lacks is said', async () => {
    const failed = await real.create(realPod('nowhere', {}, { image: 'nowhere.example/none:1' }), ({ status }) =>
      Boolean(status?.containerStatuses?.[0]?.state?.waiting?.reason?.startsWith('ErrImage')),
    );
    assert.equal(failed.status!.containerStatuses![0]!.state!.waiting!.reason, 'ErrImageNeverPull');
  });

  test('a new start of the node finds its containers and what they were given', async () => {
    const before = await real.client.of(corev1.pods).get('waiting', 'default');
    await real.restart();
    const again = await real.create(realPod('later'));
    assert.equal(again.status!.phase, 'Running');
    const after = await real.client.of(corev1.pods).get('waiting', 'default');
    const [had, has] = [before, after].map(({ status }) => status!.containerStatuses![0]!);
    assert.deepEqual([has!.containerID, has!.restartCount, has!.allocatedResources], [had!.containerID, 0, { cpu: '10m' }]);
    assert.equal(conditionOf(after, 'PodResizePending')!.reason, 'Deferred');
  });
});
