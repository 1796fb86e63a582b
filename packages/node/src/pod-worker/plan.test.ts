import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { container, pod, ran, runtime } from '../../test/pods.ts';
import { type ProbeResult, planPod } from './plan.ts';
import { EMPTY_RUNTIME, type PodRuntime } from './pod-runtime.ts';

const noProbes = { liveness: () => undefined, startup: () => undefined };

/** The plan as one line of text. */
function plan(of: corev1.Pod, state: PodRuntime, probes: { liveness?: ProbeResult; startup?: ProbeResult } = {}): string {
  const results = { ...noProbes, liveness: () => probes.liveness, startup: () => probes.startup };
  const { killPod, createSandbox, attempt, ephemeralToStart, initToStart, toStart, toKill } = planPod(of, state, results);
  return [
    killPod ? 'kill-pod' : '',
    createSandbox ? `sandbox#${attempt}` : '',
    ...toKill.map(({ name, message }) => `kill ${name} (${message})`),
    ...ephemeralToStart.map((name) => `debug ${name}`),
    ...initToStart.map((name) => `init ${name}`),
    ...toStart.map((name) => `start ${name}`),
  ]
    .filter(Boolean)
    .join(', ');
}

const withInit = pod({ initContainers: [container('a'), container('side', { restartPolicy: 'Always' }), container('b')] });

test('a new pod gets a sandbox, then init containers one after another, then its containers', () => {
  assert.equal(plan(pod(), EMPTY_RUNTIME), 'kill-pod, sandbox#0, start c');
  assert.equal(plan(withInit, EMPTY_RUNTIME), 'kill-pod, sandbox#0, init a');
  assert.equal(plan(withInit, runtime()), 'init a');
  assert.equal(plan(withInit, runtime(ran('a', 'running'))), '');
  assert.equal(plan(withInit, runtime(ran('a', 'exited'))), 'init side');
  assert.equal(plan(withInit, runtime(ran('side', 'running'), ran('a', 'exited'))), 'init b');
  assert.equal(plan(withInit, runtime(ran('b', 'exited'), ran('side', 'running'), ran('a', 'exited'))), 'start c');
});

test('a sidecar that ended runs again while the pod goes on', () => {
  assert.equal(plan(withInit, runtime(ran('c', 'running'), ran('b', 'exited'), ran('side', 'exited'), ran('a', 'exited'))), 'init side');
});

test('a failed init container is run again, or ends the pod that never restarts', () => {
  const failed = runtime(ran('a', 'exited', { exitCode: 1 }));
  assert.equal(plan(withInit, failed), 'init a');
  assert.equal(plan({ ...withInit, spec: { ...withInit.spec!, restartPolicy: 'Never' } }, failed), 'kill-pod');
});

test('restart policies', () => {
  const ended = (exitCode: number) => runtime(ran('c', 'exited', { exitCode }));
  assert.equal(plan(pod({ restartPolicy: 'Always' }), ended(0)), 'start c');
  assert.equal(plan(pod({ restartPolicy: 'OnFailure' }), ended(0)), 'kill-pod');
  assert.equal(plan(pod({ restartPolicy: 'OnFailure' }), ended(2)), 'start c');
  assert.equal(plan(pod({ restartPolicy: 'Never' }), ended(2)), 'kill-pod');
  assert.equal(
    plan(pod({ restartPolicy: 'Never', containers: [container('c'), container('d')] }), runtime(ran('c', 'exited'), ran('d', 'running'))),
    '',
  );
});

test('probes end containers, which run again unless the pod never restarts', () => {
  const running = runtime(ran('c', 'running'));
  assert.equal(plan(pod(), running), '');
  assert.equal(plan(pod(), running, { liveness: 'failure' }), 'kill c (Container c failed liveness probe, will be restarted), start c');
  assert.equal(plan(pod(), running, { startup: 'failure' }), 'kill c (Container c failed startup probe, will be restarted), start c');
  assert.equal(
    plan(pod({ restartPolicy: 'Never' }), running, { liveness: 'failure' }),
    'kill-pod, kill c (Container c failed liveness probe)',
  );
});

test('another image is another container', () => {
  const changed = pod({ restartPolicy: 'Never', containers: [container('c', { image: 'other' })] });
  assert.equal(plan(changed, runtime(ran('c', 'running'))), 'kill c (Container c definition changed, will be restarted), start c');
});

test('a lost sandbox is made again, unless all is done', () => {
  const lost = (...args: Parameters<typeof runtime>): PodRuntime => {
    const state = runtime(...args);
    return { ...state, sandboxes: [{ ...state.sandboxes[0]!, ready: false }] };
  };
  assert.equal(plan(pod(), lost(ran('c', 'exited'))), 'kill-pod, sandbox#1, start c');
  assert.equal(plan(pod({ restartPolicy: 'Never' }), lost(ran('c', 'exited'))), 'kill-pod');
  assert.equal(plan(pod({ restartPolicy: 'OnFailure' }), lost(ran('c', 'exited'))), 'kill-pod');
});

test('ephemeral containers start once and never again', () => {
  const debugged = pod({ ephemeralContainers: [{ name: 'debug', image: 'i' }] });
  assert.equal(plan(debugged, runtime(ran('c', 'running'))), 'debug debug');
  assert.equal(plan(debugged, runtime(ran('debug', 'exited'), ran('c', 'running'))), '');
});
