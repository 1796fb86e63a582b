import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { container, pod, ran, runtime } from '../../test/pods.ts';
import { planPod } from './plan.ts';
import type { PodRuntime } from './pod-runtime.ts';
import { podStatus } from './pod-status.ts';
import { restartsAfterExit } from './restart.ts';

const silent = { liveness: () => undefined, startup: () => undefined, readiness: () => undefined };
const rule = (action: string, operator: string, values: number[]) => ({ action, exitCodes: { operator, values } });
const ruled = (name: string, ...restartPolicyRules: corev1.ContainerRestartRule[]) =>
  container(name, { restartPolicy: 'Never', restartPolicyRules });

test('a container’s rules come before its policy, and that before the pod’s', () => {
  const spec = pod({ restartPolicy: 'Always' }).spec!;
  const own = ruled('c', rule('Restart', 'In', [42]), rule('RestartAllContainers', 'NotIn', [0, 1, 42]));
  assert.deepEqual(
    [0, 1, 42, 43].map((code) => restartsAfterExit(own, spec, code)),
    [false, false, true, true],
  );
  assert.deepEqual(
    [0, 1].map((code) => restartsAfterExit(container('c', { restartPolicy: 'OnFailure' }), spec, code)),
    [false, true],
  );
  assert.equal(restartsAfterExit(container('c'), spec, 0), true);
});

const all = pod({
  restartPolicy: 'Never',
  initContainers: [container('init'), container('side', { restartPolicy: 'Always' })],
  containers: [ruled('watcher', rule('RestartAllContainers', 'In', [88])), container('main')],
});
const reported = (state: PodRuntime, old: corev1.PodStatus = {}) =>
  podStatus({
    pod: all,
    runtime: state,
    old,
    failures: new Map(),
    probes: silent,
    hostIp: '192.0.2.1',
    now: '2026-01-01T00:00:00Z',
    isTerminal: false,
  });
const restarting = ({ conditions }: corev1.PodStatus) => {
  const { status, reason, message } = conditions!.find(({ type }) => type === 'AllContainersRestarting')!;
  return [status, reason, message].filter(Boolean).join(' ');
};

test('one end takes all containers down, and they start over in the same sandbox', () => {
  const ended = runtime(
    ran('watcher', 'exited', { exitCode: 88 }),
    ran('main', 'running'),
    ran('side', 'running'),
    ran('init', 'exited'),
    ran('main', 'exited', { id: 'main-0' }),
  );
  const before = reported(runtime(ran('watcher', 'running'), ran('main', 'running'), ran('side', 'running'), ran('init', 'exited')));
  assert.equal(restarting(before), 'False');
  const begun = reported(ended, before);
  assert.equal(restarting(begun), 'True RestartAllContainersStarted container exited with restart policy rule');
  assert.equal(begun.phase, 'Running');

  const { toReset, toStart, initToStart, killPod } = planPod(all, ended, silent, { restartsAll: true });
  assert.deepEqual(
    toReset.map(({ id, kill }) => (kill ? `kill ${id}` : id)),
    ['kill main-1', 'main-0', 'init-1', 'kill side-1', 'watcher-1'],
  );
  assert.deepEqual([toStart, initToStart, killPod], [[], [], false]);

  const cleared = reported(runtime(), begun);
  assert.equal(restarting(cleared), 'False');
  assert.equal(cleared.phase, 'Running');
  assert.equal(cleared.conditions!.find(({ type }) => type === 'Initialized')!.status, 'True');
  for (const { state, lastState, restartCount } of [...cleared.initContainerStatuses!, ...cleared.containerStatuses!]) {
    assert.equal(state!.waiting!.reason, 'RestartingAllContainers');
    assert.deepEqual([lastState!.terminated!.reason, lastState!.terminated!.exitCode, restartCount], ['RestartingAllContainers', 137, 1]);
  }
  assert.deepEqual(planPod(all, runtime(), silent).initToStart, ['init']);
});

test('another exit code ends the pod as its policy says', () => {
  const { phase, conditions } = reported(
    runtime(ran('watcher', 'exited', { exitCode: 1 }), ran('main', 'exited'), ran('side', 'exited'), ran('init', 'exited')),
  );
  assert.equal(phase, 'Failed');
  assert.deepEqual(conditions!.at(-1)!.reason, 'PodFailed');
});
