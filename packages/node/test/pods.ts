// Pods and runtime states for tests of the pure parts.
import type { corev1 } from '@tiphys/api';
import { containerHash, type PodRuntime, type RuntimeContainer } from '../src/pod-worker/pod-runtime.ts';

export const container = (name: string, more: Partial<corev1.Container> = {}): corev1.Container => ({ name, image: 'i', ...more });

export function pod(spec: Partial<corev1.PodSpec> = {}, metadata: Partial<NonNullable<corev1.Pod['metadata']>> = {}): corev1.Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default', uid: 'u', generation: 1, ...metadata },
    spec: { restartPolicy: 'Always', containers: [container('c')], ...spec },
  };
}

export function ran(name: string, state: RuntimeContainer['state'], more: Partial<RuntimeContainer> = {}): RuntimeContainer {
  return {
    id: `${name}-1`,
    name,
    sandboxId: 's',
    state,
    createdAtMs: 1000,
    startedAtMs: 2000,
    finishedAtMs: state === 'exited' ? 3000 : 0,
    exitCode: 0,
    image: 'i',
    imageRef: 'sha256:1',
    reason: '',
    message: '',
    restartCount: 0,
    hash: containerHash(container(name)),
    logPath: '',
    ...more,
  };
}

export const runtime = (...containers: RuntimeContainer[]): PodRuntime => ({
  sandboxes: [{ id: 's', attempt: 0, ready: true, createdAtMs: 1, hostNetwork: false, ips: ['10.0.0.5'] }],
  containers,
});
