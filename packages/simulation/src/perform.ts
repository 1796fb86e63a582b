// Carries out the steps of a story. What users do goes past the faults: their steps are the story, not a part of what is tried.
import { appsv1, batchv1, corev1, type KubeObject, policyv1, type ResourceType } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { StatusError } from '@tiphys/machinery';
import type { Action, WorkloadKind } from './story.ts';
import type { VirtualCluster } from './virtual-cluster.ts';

export const NAMESPACE = 'default';

const template = (name: string, version = 0) => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: 'c', image: `image:${version}`, resources: { requests: { cpu: '10m' } } }] } as corev1.PodSpec,
});

const metadata = (name: string) => ({ name, namespace: NAMESPACE });
const selector = (name: string) => ({ matchLabels: { app: name } });

async function createWorkload(client: Client, kind: WorkloadKind, name: string, replicas: number): Promise<void> {
  const spec = { replicas, selector: selector(name), template: template(name) };
  if (kind === 'StatefulSet') {
    await client.of(appsv1.statefulsets).create({ metadata: metadata(name), spec: { ...spec, serviceName: name } });
  } else if (kind === 'DaemonSet') {
    await client.of(appsv1.daemonsets).create({ metadata: metadata(name), spec: { selector: spec.selector, template: spec.template } });
  } else if (kind === 'Job') {
    const once = { ...spec.template, spec: { ...spec.template.spec, restartPolicy: 'Never' } as corev1.PodSpec };
    const job: batchv1.Job = { metadata: metadata(name), spec: { completions: replicas, parallelism: 2, template: once } };
    await client.of(batchv1.jobs).create(job);
  } else {
    await client.of(appsv1.deployments).create({ metadata: metadata(name), spec });
    if (kind !== 'Guarded') return;
    const budget = { selector: selector(name), minAvailable: replicas - 1 };
    await client.of(policyv1.poddisruptionbudgets).create({ metadata: metadata(name), spec: budget });
  }
}

const TYPES = {
  Deployment: appsv1.deployments,
  StatefulSet: appsv1.statefulsets,
  DaemonSet: appsv1.daemonsets,
  Job: batchv1.jobs,
} as const;
const typeOf = (kind: keyof typeof TYPES) => TYPES[kind] as ResourceType<KubeObject>;

async function chosenPod(client: Client, name: string, choice: number): Promise<corev1.Pod | undefined> {
  const { items } = await client.of(corev1.pods).list({ namespace: NAMESPACE, labelSelector: `app=${name}` });
  const alive = items.filter((pod) => !pod.metadata!.deletionTimestamp);
  return alive[choice % Math.max(1, alive.length)];
}

async function act(client: Client, action: Action): Promise<void> {
  switch (action.do) {
    case 'create':
      return createWorkload(client, action.kind, action.name, action.replicas);
    case 'scale':
      await client.of(typeOf(action.kind)).patch(action.name, NAMESPACE, 'merge', { spec: { replicas: action.replicas } });
      return;
    case 'roll out':
      await client
        .of(typeOf(action.kind))
        .patch(action.name, NAMESPACE, 'merge', { spec: { template: template(action.name, action.version) } });
      return;
    case 'delete':
      await client.of(typeOf(action.kind)).delete(action.name, NAMESPACE, { propagationPolicy: action.propagationPolicy });
      return;
    case 'evict': {
      const pod = await chosenPod(client, action.name, action.choice);
      if (!pod) return;
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: metadata(pod.metadata!.name!) };
      await client.of(corev1.pods).post(pod.metadata!.name!, NAMESPACE, 'eviction', eviction);
      return;
    }
    case 'delete pod': {
      const pod = await chosenPod(client, action.name, action.choice);
      if (pod) await client.of(corev1.pods).delete(pod.metadata!.name!, NAMESPACE);
      return;
    }
    case 'cordon': {
      const spec = { unschedulable: action.unschedulable || null };
      await client.of(corev1.nodes).patch(`simulated-${action.node + 1}`, undefined, 'merge', { spec });
      return;
    }
  }
}

/** Resolves when the step is done; faults and outages go on by themselves for their time. */
export async function perform(cluster: VirtualCluster, client: Client, action: Action): Promise<void> {
  const { clock } = cluster;
  switch (action.do) {
    case 'fault': {
      const end = cluster.faults.begin(action.fault);
      clock.after(action.forMs, end);
      return;
    }
    case 'restart':
      await cluster.stopPart(action.part);
      await clock.advance(action.downMs);
      return cluster.startPart(action.part);
    case 'restart server':
      return cluster.restartServer();
    case 'jump':
      clock.jump(action.byMs);
      return;
    default:
      try {
        await clock.runUntil(act(client, action));
      } catch (error) {
        // Gone already, or the budget has no room: a user's step may be refused.
        if (!(error instanceof StatusError) || error.code >= 500) throw error;
      }
  }
}
