// Short ways to write down objects for plan tests.
import type { appsv1, corev1, KubeObject, ResourceType } from '@tiphys/api';
import { controllerReference } from '../runtime/objects.ts';

/** 2026-01-01T00:00:00Z plus seconds. */
export const START_MS = Date.UTC(2026, 0, 1);
export const at = (seconds: number): string => new Date(START_MS + seconds * 1000).toISOString().replace('.000', '');
export const nowAt = (seconds: number): number => START_MS + seconds * 1000;

export const template = (image = 'web:1', labels: Record<string, string> = { app: 'web' }): corev1.PodTemplateSpec => ({
  metadata: { labels },
  spec: { containers: [{ name: 'web', image }] } as corev1.PodSpec,
});

export interface PodFacts {
  ready?: boolean;
  phase?: string;
  node?: string;
  /** Seconds since START_MS at which it became ready and was created. */
  since?: number;
  deleting?: boolean;
  labels?: Record<string, string>;
}

export function pod(name: string, owner: [ResourceType, KubeObject] | undefined, facts: PodFacts = {}): corev1.Pod {
  const { ready = true, phase = 'Running', node = 'node-1', since = 0, deleting = false, labels = { app: 'web' } } = facts;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      creationTimestamp: at(since),
      labels,
      ...(owner ? { ownerReferences: [controllerReference(...owner)] } : {}),
      ...(deleting ? { deletionTimestamp: at(since) } : {}),
    },
    spec: { ...(node ? { nodeName: node } : {}), containers: [] } as unknown as corev1.PodSpec,
    status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: at(since) }] },
  };
}

export function replicaSet(name: string, replicas: number, extra: Partial<appsv1.ReplicaSetSpec> = {}): appsv1.ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, generation: 1, creationTimestamp: at(0), labels: { app: 'web' } },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: template(), ...extra },
  };
}

export function deployment(name: string, replicas: number, extra: Partial<appsv1.DeploymentSpec> = {}): appsv1.Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, generation: 1, creationTimestamp: at(0) },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: template(),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      ...extra,
    },
  };
}
