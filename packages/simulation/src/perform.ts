// Carries out the steps of a story. What users do goes past the faults: their steps are the story, not a part of what is tried.
import { appsv1, batchv1, corev1, type KubeObject, policyv1, type ResourceType } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { StatusError } from '@tiphys/machinery';
import type { Action, WorkloadKind } from './story.ts';
import type { VirtualCluster } from './virtual-cluster.ts';

export const NAMESPACE = 'default';
/** What a pod is called that its controller was made to let go. */
export const RELEASED = 'released';

/** Pods that the quota of the limited namespace allows. */
export const LIMIT = 4;

/** What upstream takes for none (deployment_util.go HasProgressDeadline). */
const NO_DEADLINE_SECONDS = 2 ** 31 - 1;

const template = (name: string, version = 0, cpu = '10m') => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: 'c', image: `image:${version}`, resources: { requests: { cpu } } }] } as corev1.PodSpec,
});

const metadata = (name: string, namespace = NAMESPACE) => ({ name, namespace });
const selector = (name: string) => ({ matchLabels: { app: name } });
const ONCE = (name: string) => ({ ...template(name), spec: { ...template(name).spec, restartPolicy: 'Never' } as corev1.PodSpec });

type Create = (client: Client, name: string, replicas: number) => Promise<unknown>;

export async function createDeployment(
  client: Client,
  name: string,
  replicas: number,
  of: { namespace?: string; cpu?: string; node?: string; neverComplete?: boolean } = {},
) {
  const { namespace = NAMESPACE, cpu, node, neverComplete = false } = of;
  const made = template(name, 0, cpu);
  if (node) made.spec.nodeSelector = { 'kubernetes.io/hostname': node };
  const deadline = neverComplete ? { progressDeadlineSeconds: NO_DEADLINE_SECONDS } : {};
  const spec = { replicas, selector: selector(name), template: made, ...deadline };
  await client.of(appsv1.deployments).create({ metadata: metadata(name, namespace), spec });
}

const createService = (client: Client, name: string, clusterIP?: 'None') =>
  client.of(corev1.services).create({
    metadata: metadata(name),
    spec: { selector: { app: name }, ports: [{ port: 80 }], ...(clusterIP ? { clusterIP } : {}) },
  });

const CREATE: Readonly<Record<WorkloadKind, Create>> = {
  Deployment: async (client, name, replicas) => {
    await createService(client, name);
    await createDeployment(client, name, replicas);
  },
  Heavy: (client, name, replicas) => createDeployment(client, name, replicas, { cpu: '10', neverComplete: true }),
  Guarded: async (client, name, replicas) => {
    await createService(client, name);
    await createDeployment(client, name, replicas, { node: 'simulated-1' });
    const budget = { selector: selector(name), minAvailable: replicas - 1 };
    await client.of(policyv1.poddisruptionbudgets).create({ metadata: metadata(name), spec: budget });
  },
  Limited: async (client, name, replicas) => {
    await client.of(corev1.namespaces).create({ metadata: { name } });
    await client.of(corev1.resourcequotas).create({ metadata: metadata('pods', name), spec: { hard: { pods: `${LIMIT}` } } });
    await createDeployment(client, name, replicas, { namespace: name, neverComplete: true });
  },
  Namespace: async (client, name, replicas) => {
    await client.of(corev1.namespaces).create({ metadata: { name } });
    await client.of(corev1.configmaps).create({ metadata: { ...metadata('held', name), finalizers: ['example.com/nobody'] } });
    await client.of(corev1.configmaps).patch('held', name, 'merge', { metadata: { finalizers: null } });
    await createDeployment(client, name, replicas, { namespace: name });
  },
  StatefulSet: async (client, name, replicas) => {
    await createService(client, name, 'None');
    const spec = { replicas, selector: selector(name), template: template(name), serviceName: name };
    await client.of(appsv1.statefulsets).create({ metadata: metadata(name), spec });
  },
  DaemonSet: (client, name) =>
    client.of(appsv1.daemonsets).create({ metadata: metadata(name), spec: { selector: selector(name), template: template(name) } }),
  Job: (client, name, completions) =>
    client.of(batchv1.jobs).create({ metadata: metadata(name), spec: { completions, parallelism: 2, template: ONCE(name) } }),
  CronJob: (client, name) => {
    const spec = {
      schedule: '* * * * *',
      concurrencyPolicy: 'Forbid',
      jobTemplate: { spec: { parallelism: 1, completions: 1, template: ONCE(name) } },
    };
    return client.of(batchv1.cronjobs).create({ metadata: metadata(name), spec });
  },
};

const TYPES = {
  Deployment: appsv1.deployments,
  StatefulSet: appsv1.statefulsets,
  DaemonSet: appsv1.daemonsets,
  Job: batchv1.jobs,
} as const;
const typeOf = (kind: keyof typeof TYPES) => TYPES[kind] as ResourceType<KubeObject>;

async function alivePods(client: Client, name: string): Promise<corev1.Pod[]> {
  const { items } = await client.of(corev1.pods).list({ namespace: NAMESPACE, labelSelector: `app=${name}` });
  return items.filter((pod) => !pod.metadata!.deletionTimestamp);
}

async function chosenPod(client: Client, name: string, choice: number): Promise<corev1.Pod | undefined> {
  const alive = await alivePods(client, name);
  return alive[choice % Math.max(1, alive.length)];
}

function evict(client: Client, pod: corev1.Pod): Promise<unknown> {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: metadata(pod.metadata!.name!) };
  return client.of(corev1.pods).post(pod.metadata!.name!, NAMESPACE, 'eviction', eviction);
}

/** Gone already, or the budget has no room: a user's step may be refused. */
const isRefusal = (error: unknown) => error instanceof StatusError && error.code < 500;

async function act(client: Client, action: Action): Promise<void> {
  switch (action.do) {
    case 'create':
      await CREATE[action.kind](client, action.name, action.replicas);
      return;
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
      if (pod) await evict(client, pod);
      return;
    }
    case 'evict all': {
      const pods = await alivePods(client, action.name);
      const answers = await Promise.allSettled(pods.map((pod) => evict(client, pod)));
      // One that has no room in the budget says nothing about the others.
      for (const answer of answers) if (answer.status === 'rejected' && !isRefusal(answer.reason)) throw answer.reason;
      return;
    }
    case 'delete pod': {
      const pod = await chosenPod(client, action.name, action.choice);
      if (pod) await client.of(corev1.pods).delete(pod.metadata!.name!, NAMESPACE);
      return;
    }
    case 'release pod': {
      const pod = await chosenPod(client, action.name, action.choice);
      if (pod) await client.of(corev1.pods).patch(pod.metadata!.name!, NAMESPACE, 'merge', { metadata: { labels: { app: RELEASED } } });
      return;
    }
    case 'delete namespace':
      await client.of(corev1.namespaces).delete(action.name);
      return;
    case 'scale limited':
      await client.of(appsv1.deployments).patch('limited', 'limited', 'merge', { spec: { replicas: action.replicas } });
      return;
    case 'delete node':
      await client.of(corev1.nodes).delete(`simulated-${action.node + 1}`);
      return;
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
      return cluster.restartPart(action.part, action.downMs, action.crash);
    case 'restart server':
      return cluster.restartServer();
    case 'jump':
      clock.jump(action.byMs);
      return;
    default:
      try {
        await clock.runUntil(act(client, action));
      } catch (error) {
        if (!isRefusal(error)) throw error;
      }
  }
}
