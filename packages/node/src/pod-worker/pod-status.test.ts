import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { container, pod, ran, runtime } from '../../test/pods.ts';
import { EMPTY_RUNTIME, type PodRuntime } from './pod-runtime.ts';
import { podStatus, type StatusProbes } from './pod-status.ts';

const silent: StatusProbes = { liveness: () => undefined, startup: () => undefined, readiness: () => undefined };

function status(of: corev1.Pod, state: PodRuntime, more: Partial<Parameters<typeof podStatus>[0]> = {}): corev1.PodStatus {
  return podStatus({
    pod: of,
    runtime: state,
    old: {},
    failures: new Map(),
    probes: silent,
    hostIp: '192.0.2.1',
    now: '2026-01-01T00:00:00Z',
    isTerminal: false,
    ...more,
  });
}

const brief = ({ conditions }: corev1.PodStatus) =>
  (conditions ?? []).map(({ type, status: truth, reason, message }) => [`${type}=${truth}`, reason, message].filter(Boolean).join(' '));

test('a pod that is being made', () => {
  const made = status(pod(), EMPTY_RUNTIME);
  assert.equal(made.phase, 'Pending');
  assert.deepEqual(made.containerStatuses?.[0]?.state, { waiting: { reason: 'ContainerCreating' } });
  assert.deepEqual(brief(made), [
    'PodReadyToStartContainers=False',
    'Initialized=True',
    'Ready=False ContainersNotReady containers with unready status: [c]',
    'ContainersReady=False ContainersNotReady containers with unready status: [c]',
    'PodScheduled=True',
  ]);
});

test('a pod that runs, and one that waits for its readiness probe', () => {
  const running = status(pod(), runtime(ran('c', 'running')));
  assert.equal(running.phase, 'Running');
  assert.equal(running.podIP, '10.0.0.5');
  assert.ok(brief(running).includes('Ready=True'));
  const probed = pod({ containers: [container('c', { readinessProbe: { exec: { command: ['x'] } } })] });
  assert.equal(status(probed, runtime(ran('c', 'running'))).containerStatuses?.[0]?.ready, false);
  const ready = status(probed, runtime(ran('c', 'running')), { probes: { ...silent, readiness: () => 'success' } });
  assert.equal(ready.containerStatuses?.[0]?.ready, true);
});

test('ended pods', () => {
  const ended = (restartPolicy: string, exitCode: number) =>
    status(pod({ restartPolicy }), runtime(ran('c', 'exited', { exitCode }))).phase;
  assert.equal(ended('Never', 0), 'Succeeded');
  assert.equal(ended('Never', 1), 'Failed');
  assert.equal(ended('OnFailure', 1), 'Running');
  assert.equal(ended('Always', 0), 'Running');
  assert.deepEqual(brief(status(pod({ restartPolicy: 'Never' }), runtime(ran('c', 'exited')))).slice(1, 4), [
    'Initialized=True PodCompleted',
    'Ready=False PodCompleted',
    'ContainersReady=False PodCompleted',
  ]);
});

test('why a container waits, and what was before', () => {
  const failures = new Map([['c', { reason: 'CrashLoopBackOff', message: 'back-off 10s' }]]);
  const [waiting] = status(pod(), runtime(ran('c', 'exited', { exitCode: 1, reason: 'Error' })), { failures }).containerStatuses!;
  assert.deepEqual(waiting?.state, { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } });
  assert.equal(waiting?.lastState?.terminated?.exitCode, 1);
});

test('times of transition change only with the status', () => {
  const first = status(pod(), runtime(ran('c', 'running')));
  const later = status(pod(), runtime(ran('c', 'running')), { old: first, now: '2026-01-01T00:01:00Z' });
  assert.deepEqual(later.conditions, first.conditions);
});

test('a pod with init containers is initialized when the last of them has ended', () => {
  const waiting = pod({ initContainers: [container('a')] });
  assert.ok(
    brief(status(waiting, runtime(ran('a', 'running')))).includes(
      'Initialized=False ContainersNotInitialized containers with incomplete status: [a]',
    ),
  );
  assert.equal(status(waiting, runtime(ran('a', 'running'))).containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing');
  assert.ok(brief(status(waiting, runtime(ran('a', 'exited')))).includes('Initialized=True'));
});

test('a deadline ends the pod whatever its containers do', () => {
  const failure = { reason: 'DeadlineExceeded', message: 'm' };
  const ended = status(pod(), runtime(ran('c', 'running')), { failure });
  assert.deepEqual([ended.phase, ended.reason, ended.message], ['Failed', 'DeadlineExceeded', 'm']);
});
