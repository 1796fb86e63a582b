// From what a person names to the pods behind it: a pod, or a workload or service whose selector picks them
// (kubectl pkg/polymorphichelpers).
import { corev1, type KubeObject, pathOf } from '@tiphys/api';
import { labelSelectorMatcher } from '@tiphys/machinery';
import { CommandError } from '../terminal.ts';
import type { Session } from './session.ts';
import { targetsOf } from './targets.ts';

export interface ChosenPods {
  /** Best first: running and ready before others, older before younger. */
  pods: corev1.Pod[];
  /** The object that was named, when it was not a pod. */
  owner?: KubeObject;
}

const isReady = (pod: corev1.Pod) => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

function rank(pod: corev1.Pod): number {
  if (pod.metadata?.deletionTimestamp) return 4;
  if (pod.status?.phase === 'Running') return isReady(pod) ? 0 : 1;
  return pod.status?.phase === 'Pending' ? 2 : 3;
}

function byUse(a: corev1.Pod, b: corev1.Pod): number {
  const age = (pod: corev1.Pod) => String(pod.metadata?.creationTimestamp ?? '');
  return rank(a) - rank(b) || (age(a) < age(b) ? -1 : age(a) > age(b) ? 1 : 0);
}

export async function podsBySelector(session: Session, selector: string): Promise<corev1.Pod[]> {
  const list = await session.call<{ items: corev1.Pod[] }>('GET', pathOf(corev1.pods, session.namespace), {
    query: { labelSelector: selector },
  });
  return list.items.sort(byUse);
}

/** The selector of a workload or service as text; undefined when it picks no pods. */
export function podSelector(object: any): string | undefined {
  const { spec = {} } = object;
  const selector = object.kind === 'Service' || object.kind === 'ReplicationController' ? { matchLabels: spec.selector } : spec.selector;
  if (!selector || (!selector.matchLabels && !selector.matchExpressions)) return undefined;
  return labelSelectorMatcher(selector).toString();
}

/** `web-0`, `pod/web-0`, `deploy/web`, `svc/web`. */
export async function choosePods(session: Session, name: string): Promise<ChosenPods> {
  const targets = await targetsOf(session, name.includes('/') ? [name] : ['pods', name]);
  const { resource, name: objectName } = targets[0]!;
  const object = await session.call('GET', pathOf(resource, session.namespace, objectName));
  if (resource.resource === 'pods' && resource.group === '') return { pods: [object] };
  const selector = podSelector(object);
  if (selector === undefined)
    throw new CommandError(
      `cannot attach to ${resource.group ? `*${resource.group}/${resource.version}` : '*v1'}.${resource.kind}: selector is empty`,
    );
  const pods = await podsBySelector(session, selector);
  if (pods.length === 0) throw new CommandError(`no pods found for ${resource.resource}/${objectName} in namespace ${session.namespace}`);
  return { pods, owner: object };
}

const namesOf = (containers: readonly { name?: string }[] | undefined) => (containers ?? []).map(({ name }) => name ?? '');

export function containerNames(pod: corev1.Pod): string[] {
  const { initContainers, containers, ephemeralContainers } = pod.spec ?? ({} as corev1.PodSpec);
  return [...namesOf(initContainers), ...namesOf(containers), ...namesOf(ephemeralContainers)];
}

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** The container that is meant when none is named; says which one when there is a choice. */
export function defaultContainer(session: Session, pod: corev1.Pod): string {
  const { initContainers, containers = [], ephemeralContainers } = pod.spec ?? ({} as corev1.PodSpec);
  const annotated = (pod.metadata?.annotations as Record<string, string> | undefined)?.[DEFAULT_CONTAINER];
  if (annotated && containerNames(pod).includes(annotated)) return annotated;
  const chosen = containers[0]?.name ?? '';
  if (containers.length + (initContainers?.length ?? 0) + (ephemeralContainers?.length ?? 0) > 1) {
    const marked = (list: readonly { name?: string }[] | undefined, mark: string) => namesOf(list).map((name) => `${name} (${mark})`);
    const all = [...namesOf(containers), ...marked(ephemeralContainers, 'ephem'), ...marked(initContainers, 'init')];
    session.terminal.error(`Defaulted container ${JSON.stringify(chosen)} out of: ${all.join(', ')}\n`);
  }
  return chosen;
}

export function requireContainer(pod: corev1.Pod, name: string): string {
  const names = containerNames(pod);
  if (!names.includes(name))
    throw new CommandError(`container ${name} is not valid for pod ${pod.metadata?.name} out of: ${names.join(', ')}`);
  return name;
}
