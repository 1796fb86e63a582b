// What must hold once the trouble is over and some time has passed: everything is as its specification says.
import type { appsv1, batchv1, corev1, discoveryv1, policyv1 } from '@tiphys/api';
import { LIMIT, RELEASED } from './perform.ts';
import { amount, isReady, isTerminal, nameOf, ownerOf, requestedOn, requestOf } from './pods.ts';
import type { Successes } from './safety/jobs.ts';
import type { Truth } from './truth.ts';

export interface Judged {
  truth: Truth;
  successes: Successes;
  /** Wall time. */
  nowMs: number;
}

function podsOwnedBy(truth: Truth, uid: string | undefined): corev1.Pod[] {
  return truth.all<corev1.Pod>('pods').filter((pod) => ownerOf(pod)?.uid === uid);
}

/** Every owner of every object is there, and so is its namespace. */
function orphans(truth: Truth): string[] {
  const uids = new Set<string | undefined>();
  const namespaces = new Set<string | undefined>();
  for (const [key, { metadata }] of truth.everything()) {
    uids.add(metadata?.uid);
    if (key.startsWith('/registry/namespaces/')) namespaces.add(metadata?.name);
  }
  const problems: string[] = [];
  for (const [key, object] of truth.everything()) {
    const { namespace } = object.metadata ?? {};
    if (ownerOf(object) && !uids.has(ownerOf(object)!.uid)) problems.push(`${key} has lost its owner`);
    if (namespace && !namespaces.has(namespace)) problems.push(`${key} has lost its namespace`);
    const isAlone = key.startsWith('/registry/pods/') && !ownerOf(object) && object.metadata?.labels?.app !== RELEASED;
    if (isAlone) problems.push(`${key} belongs to nobody`);
  }
  return problems;
}

function lingering(truth: Truth): string[] {
  return Array.from(truth.everything())
    .filter(([, { metadata }]) => metadata?.deletionTimestamp)
    .map(([key]) => `${key} is being deleted still`);
}

const agree = (what: string, expected: Record<string, number | undefined>, status: object | undefined): string[] =>
  Object.entries(expected)
    .filter(([field, value]) => ((status as Record<string, number>)?.[field] ?? 0) !== (value ?? 0))
    .map(([field, value]) => `${what} has ${field} ${(status as Record<string, number>)?.[field] ?? 0}, not ${value ?? 0}`);

/** What a Deployment can have at most: quotas and full nodes are reasons to have less. */
function possible(truth: Truth, deployment: appsv1.Deployment, pods: readonly corev1.Pod[]): number {
  const replicas = deployment.spec!.replicas ?? 1;
  if (deployment.metadata!.namespace === 'limited') return Math.min(replicas, LIMIT);
  return nameOf(deployment) === 'heavy' ? replicas - pods.filter((pod) => !pod.spec?.nodeName && !findsRoom(truth, pod)).length : replicas;
}

function deployments(truth: Truth): string[] {
  return truth.all<appsv1.Deployment>('deployments').flatMap((deployment) => {
    const sets = truth.all<appsv1.ReplicaSet>('replicasets').filter((set) => ownerOf(set)?.uid === deployment.metadata!.uid);
    const pods = sets.flatMap((set) => podsOwnedBy(truth, set.metadata!.uid));
    const image = deployment.spec!.template!.spec!.containers[0]!.image;
    const ready = possible(truth, deployment, pods);
    const current = pods.filter((pod) => pod.spec!.containers[0]!.image === image && isReady(pod)).length;
    const name = `deployment ${nameOf(deployment)}`;
    const counts = { replicas: pods.length, readyReplicas: ready, availableReplicas: ready, updatedReplicas: pods.length };
    return [
      ...(current === ready ? [] : [`${name} has ${pods.length} pods, ${current} ready and current, of ${ready}`]),
      ...(pods.length > (deployment.spec!.replicas ?? 1) ? [`${name} has ${pods.length} pods`] : []),
      ...agree(name, counts, deployment.status),
      ...agree(name, { observedGeneration: deployment.metadata!.generation }, deployment.status),
    ];
  });
}

function statefulSets(truth: Truth): string[] {
  return truth.all<appsv1.StatefulSet>('statefulsets').flatMap((set) => {
    const replicas = set.spec!.replicas ?? 1;
    const pods = podsOwnedBy(truth, set.metadata!.uid);
    const image = set.spec!.template!.spec!.containers[0]!.image;
    const expected = Array.from({ length: replicas }, (_, ordinal) => `${nameOf(set)}-${ordinal}`);
    const ready = pods.filter((pod) => isReady(pod) && pod.spec!.containers[0]!.image === image).map(nameOf);
    const same = pods.length === replicas && expected.every((name) => ready.includes(name));
    return [
      ...(same ? [] : [`stateful set ${nameOf(set)} has ${pods.map(nameOf).join(' ')}, ready ${ready.join(' ')}`]),
      ...agree(`stateful set ${nameOf(set)}`, { replicas, readyReplicas: replicas, updatedReplicas: replicas }, set.status),
    ];
  });
}

function daemonSets(truth: Truth): string[] {
  const nodes = truth.all<corev1.Node>('minions');
  return truth.all<appsv1.DaemonSet>('daemonsets').flatMap((set) => {
    const image = set.spec!.template!.spec!.containers[0]!.image;
    const at = podsOwnedBy(truth, set.metadata!.uid)
      .filter((pod) => isReady(pod) && pod.spec!.containers[0]!.image === image)
      .map((pod) => pod.spec!.nodeName)
      .sort();
    const wanted = nodes.map(nameOf).sort();
    const same = JSON.stringify(at) === JSON.stringify(wanted);
    return [
      ...(same ? [] : [`daemon set ${nameOf(set)} is ready on ${at.join(' ')}, not on ${wanted.join(' ')}`]),
      ...agree(`daemon set ${nameOf(set)}`, { numberReady: nodes.length, updatedNumberScheduled: nodes.length }, set.status),
    ];
  });
}

/**
 * It started at a time that is yet to come, since the clock was set back: until then it can't be complete, for a completionTime before the
 * startTime is refused (pkg/apis/batch/validation/validation.go validateJobStatus).
 */
const waitsForTheClock = ({ status }: batchv1.Job, nowMs: number) => Date.parse(status?.startTime ?? '') > nowMs;

function jobs({ truth, successes, nowMs }: Judged): string[] {
  return truth.all<batchv1.Job>('jobs').flatMap((job) => {
    if (waitsForTheClock(job, nowMs)) return [];
    const complete = job.status?.conditions?.some(({ type, status }) => type === 'Complete' && status === 'True');
    const ended = successes.of(job);
    return [
      ...(complete ? [] : [`job ${nameOf(job)} is not complete`]),
      ...(ended >= job.spec!.completions! ? [] : [`job ${nameOf(job)} has had ${ended} pods that ended well`]),
      ...agree(`job ${nameOf(job)}`, { succeeded: ended, active: 0 }, job.status),
    ];
  });
}

/** Pods of nodes that are gone are gone. */
function lostPods(truth: Truth): string[] {
  const names = new Set<string | undefined>(truth.all<corev1.Node>('minions').map(nameOf));
  return truth
    .all<corev1.Pod>('pods')
    .filter(({ spec }) => spec?.nodeName && !names.has(spec.nodeName))
    .map((pod) => `pod ${nameOf(pod)} is on ${pod.spec!.nodeName}, which is gone`);
}

function budgets(truth: Truth): string[] {
  return truth.all<policyv1.PodDisruptionBudget>('poddisruptionbudgets').flatMap((budget) => {
    const healthy = truth.all<corev1.Pod>('pods').filter((pod) => pod.metadata?.labels?.app === nameOf(budget) && isReady(pod)).length;
    return agree(`budget ${nameOf(budget)}`, { currentHealthy: healthy, disruptionsAllowed: 1 }, budget.status);
  });
}

function findsRoom(truth: Truth, pod: corev1.Pod): boolean {
  return truth
    .all<corev1.Node>('minions')
    .some((node) => requestedOn(truth, nameOf(node)) + requestOf(pod) <= amount(node.status?.allocatable?.cpu));
}

function waitingPods(truth: Truth): string[] {
  const waiting = truth.all<corev1.Pod>('pods').filter((pod) => !pod.spec?.nodeName && findsRoom(truth, pod));
  return waiting.map((pod) => `${nameOf(pod)} waits for a node, and there is room`);
}

function nodes(truth: Truth): string[] {
  return truth.all<corev1.Node>('minions').flatMap((node) => {
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    const taints = (node.spec?.taints ?? []).map(({ key }) => key);
    return ready === 'True' && taints.length === 0 ? [] : [`node ${nameOf(node)} has Ready ${ready} and taints ${taints.join(' ')}`];
  });
}

/** The endpoints of every service are its pods that are ready. */
function slices(truth: Truth): string[] {
  return truth.all<corev1.Service>('services/specs').flatMap((service) => {
    const { app } = service.spec?.selector ?? {};
    const { namespace } = service.metadata!;
    if (!app) return [];
    const wanted = truth
      .all<corev1.Pod>('pods')
      .filter((pod) => pod.metadata!.namespace === namespace && pod.metadata!.labels?.app === app);
    const found = truth
      .all<discoveryv1.EndpointSlice>('endpointslices')
      .filter(({ metadata }) => metadata!.namespace === namespace && metadata!.labels?.['kubernetes.io/service-name'] === nameOf(service))
      .flatMap(({ endpoints }) => endpoints ?? []);
    const names = found.filter(({ conditions }) => conditions?.ready).map(({ targetRef }) => targetRef?.name);
    const expected = wanted.filter((pod) => isReady(pod) && !isTerminal(pod)).map(nameOf);
    return names.sort().join(' ') === expected.sort().join(' ')
      ? []
      : [`service ${nameOf(service)} has the endpoints ${names.join(' ')}, its ready pods are ${expected.join(' ')}`];
  });
}

function cronJobs({ truth, nowMs }: Judged): string[] {
  return truth.all<batchv1.CronJob>('cronjobs').flatMap((cron) => {
    const owned = truth.all<batchv1.Job>('jobs').filter((job) => ownerOf(job)?.uid === cron.metadata!.uid);
    if (owned.some((job) => waitsForTheClock(job, nowMs))) return [];
    const limit = cron.spec!.successfulJobsHistoryLimit ?? 3;
    return [
      ...(owned.length > limit ? [`cron job ${nameOf(cron)} has kept ${owned.length} jobs of ${limit}`] : []),
      ...(cron.status?.active?.length ? [`cron job ${nameOf(cron)} has active jobs`] : []),
    ];
  });
}

function quotas(truth: Truth): string[] {
  return truth.all<corev1.ResourceQuota>('resourcequotas').flatMap((quota) => {
    const { namespace } = quota.metadata!;
    const pods = truth.all<corev1.Pod>('pods').filter((pod) => pod.metadata!.namespace === namespace && !isTerminal(pod)).length;
    const used = Number(quota.status?.used?.pods);
    return used === pods ? [] : [`the quota of ${namespace} says ${used} pods are there, not ${pods}`];
  });
}

/** Everything that is not as it should be. */
export function problemsOf(judged: Judged): string[] {
  const { truth } = judged;
  return [
    ...lingering(truth),
    ...orphans(truth),
    ...deployments(truth),
    ...statefulSets(truth),
    ...daemonSets(truth),
    ...jobs(judged),
    ...lostPods(truth),
    ...budgets(truth),
    ...waitingPods(truth),
    ...slices(truth),
    ...nodes(truth),
    ...cronJobs(judged),
    ...quotas(truth),
  ];
}
