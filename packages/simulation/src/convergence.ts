// What must hold once the trouble is over and some time has passed: everything is as its specification says.
import type { appsv1, batchv1, corev1, discoveryv1, KubeObject, policyv1 } from '@tiphys/api';
import { Broken, isReady } from './safety.ts';
import type { Truth } from './truth.ts';

const nameOf = ({ metadata }: KubeObject) => metadata?.name ?? '';
const ownerOf = ({ metadata }: KubeObject) => metadata?.ownerReferences?.find(({ controller }) => controller);

function fail(problems: readonly string[]): void {
  if (problems.length > 0) throw new Broken(`it did not settle: ${problems.join('; ')}`);
}

function podsOwnedBy(truth: Truth, uid: string | undefined): corev1.Pod[] {
  return truth.all<corev1.Pod>('pods').filter((pod) => ownerOf(pod)?.uid === uid);
}

/** Every owner of every object is there. */
function orphans(truth: Truth): string[] {
  const owned = ['pods', 'replicasets', 'controllerrevisions', 'endpointslices'].flatMap((resource) => truth.all(resource));
  const uids = new Set(
    ['deployments', 'replicasets', 'statefulsets', 'daemonsets', 'jobs', 'services/specs', 'minions', 'pods'].flatMap((resource) =>
      truth.all(resource).map(({ metadata }) => metadata?.uid),
    ),
  );
  return owned
    .filter((object) => ownerOf(object) && !uids.has(ownerOf(object)!.uid))
    .map((object) => `${nameOf(object)} has lost its owner`);
}

function lingering(truth: Truth): string[] {
  return ['pods', 'deployments', 'replicasets', 'statefulsets', 'daemonsets', 'jobs']
    .flatMap((resource) => truth.all(resource))
    .filter(({ metadata }) => metadata?.deletionTimestamp)
    .map((object) => `${nameOf(object)} is being deleted still`);
}

const agree = (what: string, expected: Record<string, number | undefined>, status: object | undefined): string[] =>
  Object.entries(expected)
    .filter(([field, value]) => ((status as Record<string, number>)?.[field] ?? 0) !== (value ?? 0))
    .map(([field, value]) => `${what} has ${field} ${(status as Record<string, number>)?.[field] ?? 0}, not ${value ?? 0}`);

function deployments(truth: Truth): string[] {
  return truth.all<appsv1.Deployment>('deployments').flatMap((deployment) => {
    const sets = truth.all<appsv1.ReplicaSet>('replicasets').filter((set) => ownerOf(set)?.uid === deployment.metadata!.uid);
    const pods = sets.flatMap((set) => podsOwnedBy(truth, set.metadata!.uid));
    const image = deployment.spec!.template!.spec!.containers[0]!.image;
    const replicas = deployment.spec!.replicas ?? 1;
    const current = pods.filter((pod) => pod.spec!.containers[0]!.image === image && isReady(pod)).length;
    const name = `deployment ${nameOf(deployment)}`;
    return [
      ...(pods.length === replicas && current === replicas
        ? []
        : [`${name} has ${pods.length} pods, ${current} ready and current, of ${replicas}`]),
      ...agree(name, { replicas, readyReplicas: replicas, availableReplicas: replicas, updatedReplicas: replicas }, deployment.status),
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

function jobs(truth: Truth): string[] {
  return truth.all<batchv1.Job>('jobs').flatMap((job) => {
    const complete = job.status?.conditions?.some(({ type, status }) => type === 'Complete' && status === 'True');
    return [
      ...(complete ? [] : [`job ${nameOf(job)} is not complete`]),
      ...agree(`job ${nameOf(job)}`, { succeeded: job.spec!.completions, active: 0, failed: 0 }, job.status),
    ];
  });
}

function budgets(truth: Truth): string[] {
  return truth.all<policyv1.PodDisruptionBudget>('poddisruptionbudgets').flatMap((budget) => {
    const healthy = truth.all<corev1.Pod>('pods').filter((pod) => pod.metadata?.labels?.app === nameOf(budget) && isReady(pod)).length;
    return agree(`budget ${nameOf(budget)}`, { currentHealthy: healthy, disruptionsAllowed: 1 }, budget.status);
  });
}

function waitingPods(truth: Truth): string[] {
  const schedulable = truth.all<corev1.Node>('minions').some(({ spec }) => !spec?.unschedulable && !spec?.taints?.length);
  const waiting = truth.all<corev1.Pod>('pods').filter((pod) => !pod.spec?.nodeName);
  return schedulable ? waiting.map((pod) => `${nameOf(pod)} waits for a node`) : [];
}

function slices(truth: Truth): string[] {
  return truth.all<discoveryv1.EndpointSlice>('endpointslices').flatMap((slice) => {
    const gone = (slice.endpoints ?? []).filter(
      ({ targetRef }) => targetRef?.kind === 'Pod' && !truth.all('pods').some(({ metadata }) => metadata?.uid === targetRef.uid),
    );
    return gone.map(({ targetRef }) => `the endpoint slice ${nameOf(slice)} names ${targetRef!.name}, which is gone`);
  });
}

/** Throws a Broken that lists everything that is not as it should be. */
export function judgeConvergence(truth: Truth): void {
  fail([
    ...lingering(truth),
    ...orphans(truth),
    ...deployments(truth),
    ...statefulSets(truth),
    ...daemonSets(truth),
    ...jobs(truth),
    ...budgets(truth),
    ...waitingPods(truth),
    ...slices(truth),
  ]);
}
