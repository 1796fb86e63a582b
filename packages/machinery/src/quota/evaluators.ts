// How much of a quota an object uses (pkg/quota/v1/evaluator/core). Admission charges by it, the quota controller counts by it.
import { type corev1, type KubeObject, Quantity } from '@tiphys/api';
import { type QuantityList, quantities, type ResourceAmounts } from './amounts.ts';
import { hasPodLevelResources, podResources } from './pod-resources.ts';

const ONE = Quantity.of(1);
const CLASS_SUFFIX = '.storageclass.storage.k8s.io/';
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const STORAGE_RESOURCES = ['persistentvolumeclaims', 'requests.storage'];
const POD_RESOURCES = new Set([
  'count/pods',
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
]);
/** A quota on these makes every container state them. */
const STATED_BY_ALL = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);
/** Core resources whose number has a name of its own besides count/…. */
const COUNTED_BY_NAME = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);
/** Never counted: pkg/quota/v1/install/registry.go and what is not stored. */
const IGNORED = new Set([
  'bindings',
  'componentstatuses',
  'events',
  'events.events.k8s.io',
  'localsubjectaccessreviews.authorization.k8s.io',
]);

export interface QuotaEvaluator {
  /** Names among the given that objects of this kind use. */
  matching(names: Iterable<string>): string[];
  usage(object: KubeObject, nowMs: number): ResourceAmounts;
  /** Why an object may not be counted against these, if so. */
  constraint?(names: readonly string[], object: KubeObject): string | undefined;
}

const groupResourceOf = (group: string, resource: string) => (group === '' ? resource : `${resource}.${group}`);

/** undefined for resources that no quota counts. */
export function quotaEvaluator(group: string, resource: string): QuotaEvaluator | undefined {
  const name = groupResourceOf(group, resource);
  if (IGNORED.has(name)) return undefined;
  if (name === 'pods') return POD_EVALUATOR;
  if (name === 'services') return SERVICE_EVALUATOR;
  if (name === 'persistentvolumeclaims') return CLAIM_EVALUATOR;
  const names = new Set([`count/${name}`, ...(group === '' && COUNTED_BY_NAME.has(resource) ? [resource] : [])]);
  return {
    matching: (given) => [...given].filter((each) => names.has(each)),
    usage: () => new Map([...names].map((each) => [each, ONE])),
  };
}

const isExtendedRequest = (name: string) =>
  name.startsWith('requests.') && name.slice('requests.'.length).includes('/') && !name.includes('kubernetes.io/');

function computeUsage(requests: ResourceAmounts, limits: ResourceAmounts): ResourceAmounts {
  const usage: ResourceAmounts = new Map([['pods', ONE]]);
  for (const [name, value] of requests) {
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-')) usage.set(name, value);
    else if (!name.includes('/')) continue;
    usage.set(`requests.${name}`, value);
  }
  for (const [name, value] of limits) {
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage') usage.set(`limits.${name}`, value);
  }
  return usage;
}

/** Pods that have ended, or should have, count as objects only. */
function isCharged(pod: corev1.Pod, nowMs: number): boolean {
  if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return true;
  return nowMs <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

const POD_EVALUATOR: QuotaEvaluator = {
  matching: (names) =>
    [...names].filter(
      (name) =>
        POD_RESOURCES.has(name) || name.startsWith('hugepages-') || name.startsWith('requests.hugepages-') || isExtendedRequest(name),
    ),
  usage(object, nowMs) {
    const pod = object as corev1.Pod;
    const usage: ResourceAmounts = new Map([['count/pods', ONE]]);
    if (!pod.spec || !isCharged(pod, nowMs)) return usage;
    return new Map([...usage, ...computeUsage(podResources(pod.spec, 'requests'), podResources(pod.spec, 'limits'))]);
  },
  constraint(names, object) {
    const spec = (object as corev1.Pod).spec;
    if (!spec || hasPodLevelResources(spec)) return undefined;
    const missing = new Map<string, Set<string>>();
    const list = (container: corev1.Container, which: 'requests' | 'limits') =>
      quantities(container.resources?.[which] as QuantityList | undefined);
    for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
      const stated = computeUsage(list(container, 'requests'), list(container, 'limits'));
      for (const name of names) {
        if (!STATED_BY_ALL.has(name) || stated.has(name)) continue;
        missing.set(name, (missing.get(name) ?? new Set()).add(container.name));
      }
    }
    if (missing.size === 0) return undefined;
    const parts = [...missing]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, containers]) => `${name} for: ${[...containers].sort().join(',')}`);
    return `must specify ${parts.join('; ')}`;
  },
};

const SERVICE_RESOURCES = new Set(['count/services', 'services', 'services.nodeports', 'services.loadbalancers']);

const SERVICE_EVALUATOR: QuotaEvaluator = {
  matching: (names) => [...names].filter((name) => SERVICE_RESOURCES.has(name)),
  usage(object) {
    const { spec } = object as corev1.Service;
    const ports = spec?.ports ?? [];
    const balanced = spec?.type === 'LoadBalancer';
    const allocated =
      balanced && spec.allocateLoadBalancerNodePorts === false ? ports.filter((port) => port.nodePort).length : ports.length;
    return new Map([
      ['count/services', ONE],
      ['services', ONE],
      ['services.loadbalancers', balanced ? ONE : Quantity.zero],
      ['services.nodeports', balanced || spec?.type === 'NodePort' ? Quantity.of(allocated) : Quantity.zero],
    ]);
  },
};

const CLAIM_EVALUATOR: QuotaEvaluator = {
  matching: (names) =>
    [...names].filter(
      (name) =>
        name === 'count/persistentvolumeclaims' ||
        STORAGE_RESOURCES.includes(name) ||
        STORAGE_RESOURCES.some((resource) => name.endsWith(CLASS_SUFFIX + resource)),
    ),
  usage(object) {
    const claim = object as corev1.PersistentVolumeClaim;
    const className = claim.metadata?.annotations?.[CLASS_ANNOTATION] ?? claim.spec?.storageClassName ?? '';
    const usage: ResourceAmounts = new Map([
      ['persistentvolumeclaims', ONE],
      ['count/persistentvolumeclaims', ONE],
    ]);
    if (className !== '') usage.set(`${className}${CLASS_SUFFIX}persistentvolumeclaims`, ONE);
    const requested = quantities(claim.spec?.resources?.requests as QuantityList | undefined).get('storage');
    if (!requested) return usage;
    const allocated = quantities(claim.status?.allocatedResources as QuantityList | undefined).get('storage');
    const storage = allocated && allocated.compare(requested) > 0 ? allocated : requested;
    usage.set('requests.storage', storage);
    if (className !== '') usage.set(`${className}${CLASS_SUFFIX}requests.storage`, storage);
    return usage;
  },
};
