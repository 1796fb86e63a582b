// What pods' specs ask of a node beyond running, with real containers.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { corev1 } from '@tiphys/api';
import { conditionOf, type RealNode, realNode, realPod, reasonToSkip, shell } from '../../test/real-node.ts';
import { rotateLog } from './log-rotation.ts';

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

  test('a pod as a whole gets other limits while it runs', async () => {
    const resources = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
    // Inside, the container sees the limit that it has from its pod.
    const line = 'while sleep 0.1; do cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; done 2>/dev/null';
    const made = await real.create(realPod('whole', { resources: resources('50m', '64Mi'), containers: [shell('c', line)] }));
    assert.deepEqual(made.status!.allocatedResources, { cpu: '50m', memory: '64Mi' });
    const spec = { resources: resources('60m', '80Mi') };
    await real.client.of(corev1.pods).patch('whole', 'default', 'strategic', { spec }, { subresource: 'resize' });
    const resized = (await real.until(
      'whole',
      (found) => found?.status?.resources?.limits?.memory === '80Mi' && !conditionOf(found, 'PodResizeInProgress'),
    ))!;
    assert.deepEqual([resized.status!.resources, resized.status!.allocatedResources], [resources('60m', '80Mi'), spec.resources.requests]);
    assert.equal(resized.status!.containerStatuses![0]!.restartCount, 0);
    await real.logged('whole', 'c', `${80 * 1024 * 1024}`);
  });

  test('a refused pod takes no room from the next', async () => {
    const much = { resources: { requests: { cpu: '10k' } } };
    const refused = ['refused-1', 'refused-2', 'refused-3'].map((name) =>
      real.create(realPod(name, { containers: [shell('c', 'sleep 1000', much)] }), ({ status }) => status?.phase === 'Failed'),
    );
    const messages = new Set((await Promise.all(refused)).map(({ status }) => `${status!.reason}: ${status!.message}`));
    assert.equal(messages.size, 1, [...messages].join('\n'));
    assert.match([...messages][0]!, /^OutOfcpu: Pod was rejected: Node didn't have enough resource: cpu, requested: 10000000, used: \d+,/);
  });

  test('a container that writes more than its limit takes its pod down', async () => {
    const limits = { 'ephemeral-storage': '1Mi' };
    const line = 'dd if=/dev/zero of=/written bs=1M count=8 && sleep 1000';
    const evicted = await real.create(
      realPod('writing', { restartPolicy: 'Never', containers: [shell('c', line, { resources: { limits } })] }),
      ({ status }) => status?.phase === 'Failed',
    );
    assert.equal(evicted.status!.reason, 'Evicted');
    assert.match(
      evicted.status!.message!,
      /^(Pod ephemeral local storage usage exceeds the total limit of containers 1Mi|Container c exceeded)/,
    );
    assert.deepEqual(await real.events('writing', 'Evicted'), [evicted.status!.message]);
  });

  test('variables come from a file that an init container wrote, and a part of a volume is mounted', async () => {
    const shared = [{ name: 'shared', mountPath: '/shared' }];
    const part = [{ name: 'shared', mountPath: '/part', subPath: 'made/here' }];
    const fileKeyRef = { volumeName: 'shared', path: 'app.env', key: 'GREETING' };
    const write = `echo "GREETING='hello there'" > /shared/app.env`;
    const use = 'echo "$GREETING" > /part/said && cat /part/said && sleep 1000';
    const pod = realPod('from-file', {
      volumes: [{ name: 'shared', emptyDir: {} }],
      initContainers: [shell('init', write, { volumeMounts: shared })],
      containers: [shell('c', use, { volumeMounts: part, env: [{ name: 'GREETING', valueFrom: { fileKeyRef } }] })],
    });
    await real.create(pod);
    await real.logged('from-file', 'c', 'hello there');
    await real.client.of(corev1.pods).delete('from-file', 'default');
    await real.until('from-file', (found) => found === undefined);
  });

  test('a log is kept in five parts, and the container writes on', async () => {
    await real.create(realPod('chatty', { containers: [shell('c', 'while :; do echo "a line of the log"; sleep 0.01; done')] }));
    const { cri } = real.node().containerd;
    const { id, logPath } = (await real.node().findContainer('default', 'chatty', 'c'))!;
    for (let part = 1; part <= 7; part++) {
      await real.logged('chatty', 'c', 'a line of the log');
      assert.equal(await rotateLog(cri, id, logPath, `20260101-00000${part}`, 1), true);
    }
    await real.logged('chatty', 'c', 'a line of the log');
    const names = (await readdir(dirname(logPath))).sort();
    const packed = [4, 5, 6].map((part) => `0.log.20260101-00000${part}.gz`);
    assert.deepEqual(names, ['0.log', ...packed, '0.log.20260101-000007']);
    const unpacked = gunzipSync(await readFile(join(dirname(logPath), packed[0]!))).toString();
    assert.match(unpacked, /a line of the log/);
    assert.equal(await rotateLog(cri, id, logPath, 'never'), false);
  });

  test('what this node can’t do is said, and the pod waits', async () => {
    const claim = realPod('claiming', { resourceClaims: [{ name: 'gpu', resourceClaimName: 'none' }] });
    await real.client.of(corev1.pods).create(claim);
    await real.told(
      'claiming',
      'FailedPrepareDynamicResources',
      'Failed to prepare dynamic resources: resource claims are not supported by this node',
    );
    const refused = await real.create(
      realPod('tuning', { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
      ({ status }) => status?.phase === 'Failed',
    );
    assert.deepEqual(
      [refused.status!.reason, refused.status!.message],
      ['SysctlForbidden', 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted'],
    );
  });
});

describe('a node that is short of memory', { skip: await reasonToSkip() }, () => {
  let real: RealNode;
  before(async () => {
    // No machine has as much.
    real = await realNode(10_952, { evictionHard: 'memory.available<1Ei' });
  });
  after(() => real?.[Symbol.asyncDispose]());

  test('ends a pod, says so, and takes no other that asks for none', async () => {
    const evicted = await real.create(realPod('first'), ({ status }) => status?.phase === 'Failed');
    assert.equal(evicted.status!.reason, 'Evicted');
    assert.match(evicted.status!.message!, /^The node was low on resource: memory\. Threshold quantity: 1Ei, available: \d+Ki\. /);
    assert.equal(conditionOf(evicted, 'DisruptionTarget')!.reason, 'TerminationByKubelet');
    await real.reported('MemoryPressure', 'KubeletHasInsufficientMemory');
    const refused = await real.create(realPod('second'), ({ status }) => status?.phase === 'Failed');
    assert.equal(refused.status!.message, 'Pod was rejected: The node had condition: [MemoryPressure]. ');
    assert.equal(refused.status!.containerStatuses, undefined);
  });
});
