// What pods' specs ask of a node beyond running, with real containers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { conditionOf, type RealNode, realNode, realPod, reasonToSkip, shell } from '../../test/real-node.ts';

describe('rules of pods with real containers', { skip: await reasonToSkip() }, () => {
  let real: RealNode;
  before(async () => {
    real = await realNode(10_951);
    await real.packShell();
  });
  after(() => real?.[Symbol.asyncDispose]());

  test('a container that ends with the right code takes all others with it, and they start over', async () => {
    const restartPolicyRules = [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [88] } }];
    const scratch = { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] };
    const line = 'if [ -e /scratch/done ]; then sleep 1000; else echo > /scratch/done; exit 88; fi';
    const pod = realPod('starting-over', {
      restartPolicy: 'Never',
      volumes: [{ name: 'scratch', emptyDir: {} }],
      initContainers: [shell('init', 'echo first', scratch)],
      containers: [shell('watcher', line, { ...scratch, restartPolicy: 'Never', restartPolicyRules }), shell('main', 'sleep 1000')],
    });
    const again = await real.create(pod, ({ status }) =>
      (status?.containerStatuses ?? []).some(({ restartCount, state }) => restartCount === 1 && state?.running !== undefined),
    );
    const running = (await real.until('starting-over', (found) =>
      (found?.status?.containerStatuses ?? []).every(({ restartCount, state }) => restartCount === 1 && state?.running !== undefined),
    ))!;
    assert.equal(again.status!.phase, 'Running');
    assert.equal(running.status!.initContainerStatuses![0]!.restartCount, 1);
    for (const { lastState } of running.status!.containerStatuses!) {
      assert.equal(lastState!.terminated!.reason, 'RestartingAllContainers');
    }
    assert.equal(conditionOf(running, 'AllContainersRestarting')!.status, 'False');
    assert.deepEqual(await real.events('starting-over', 'SandboxChanged'), []);
  });
});
