// Keeps the usage in quotas' status: counts all when a quota is new or changed, and again when something goes away
// (pkg/controller/resourcequota). What comes is charged by admission.
import { corev1, groupResource, type KubeObject, type ResourceType } from '@tiphys/api';
import { discoveredResources } from '../discovered-resources.ts';
import { isTerminal } from '../pods/pod-state.ts';
import { defineController, type ReconcileContext, type Snapshot } from '../runtime/controller.ts';
import { keyOf, namespaceOf } from '../runtime/objects.ts';
import { countedTypes, quotaStatus } from './usage.ts';

/** Everything is counted again so often, whatever happened (--resource-quota-sync-period). */
const RESYNC_MS = 300_000;

const changedText = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);

/** Changes that can lower what is used, by resource (resource_quota_controller.go DefaultUpdateFilter). */
const LOWERS: Record<string, (object: any, old: any) => boolean> = {
  pods: (pod: corev1.Pod, old: corev1.Pod) =>
    (isTerminal(pod) && !isTerminal(old)) ||
    changedText(pod.spec?.containers, old.spec?.containers) ||
    changedText(pod.spec?.activeDeadlineSeconds, old.spec?.activeDeadlineSeconds),
  services: (service: corev1.Service, old: corev1.Service) =>
    changedText([service.spec?.type, service.spec?.ports], [old.spec?.type, old.spec?.ports]),
  persistentvolumeclaims: (claim: corev1.PersistentVolumeClaim, old: corev1.PersistentVolumeClaim) =>
    changedText([claim.spec, claim.status?.allocatedResources], [old.spec, old.status?.allocatedResources]),
};

const lowers = (type: ResourceType, object: KubeObject, old: KubeObject) =>
  (type.group === '' && LOWERS[type.resource]?.(object, old)) || false;

/** Followed by other controllers anyway. */
const CORE_TYPES: readonly ResourceType[] = [
  corev1.pods,
  corev1.services,
  corev1.persistentvolumeclaims,
  corev1.configmaps,
  corev1.secrets,
  corev1.replicationcontrollers,
];

const quotasOf = (snapshot: Snapshot, namespace: string) => snapshot.list(corev1.resourcequotas, namespace).map(keyOf);

/** Types that only some quota's count/… makes interesting. */
interface Others {
  known: ResourceType[];
  followed: Set<string>;
  stops: (() => void)[];
  enqueue: (key: string) => void;
}

const others = new WeakMap<AbortSignal, Others>();

async function typesFor(names: readonly string[], context: ReconcileContext): Promise<ResourceType[]> {
  const state = others.get(context.signal);
  const uncounted = names.filter((name) => name.startsWith('count/') && countedTypes([name], state?.known ?? CORE_TYPES).length === 0);
  if (state && uncounted.length > 0) {
    const discovered = (await discoveredResources(context.client)).filter(({ type, verbs }) => type.namespaced && verbs.includes('watch'));
    state.known = [...CORE_TYPES, corev1.resourcequotas, ...discovered.map(({ type }) => type).filter((type) => !isCore(type))];
  }
  return countedTypes(names, state?.known ?? CORE_TYPES);
}

const isCore = (type: ResourceType) => [...CORE_TYPES, corev1.resourcequotas].some((core) => groupResource(core) === groupResource(type));

async function objectsOf(type: ResourceType, namespace: string, context: ReconcileContext): Promise<readonly KubeObject[]> {
  if (isCore(type)) return context.snapshot.list(type, namespace);
  const informer = context.client.informer(type);
  const state = others.get(context.signal);
  if (state && !state.followed.has(groupResource(type))) {
    state.followed.add(groupResource(type));
    const again = (object: KubeObject) => {
      for (const key of quotasOf(context.snapshot, namespaceOf(object))) state.enqueue(key);
    };
    state.stops.push(informer.subscribe({ deleted: again }));
  }
  await informer.synced();
  return informer.list(namespace);
}

export const resourceQuotaController = defineController<corev1.ResourceQuota>({
  name: 'resourcequota-controller',
  for: corev1.resourcequotas,
  // Upstream looks at a status that others changed only after its sync period; there is no need to wait.
  triggers: (quota, old) =>
    !old || changedText(quota.spec, old.spec) || quota.status?.used === undefined || changedText(quota.status.hard, quota.spec?.hard),
  watches: CORE_TYPES.map((type) => ({
    type,
    keys: (object, snapshot, { old, gone }) => {
      if (!gone && !old) return [];
      const quotas = quotasOf(snapshot, namespaceOf(object));
      // Most namespaces have none, and comparing every change costs more than asking for them.
      return quotas.length > 0 && (gone || lowers(type, object, old!)) ? quotas : [];
    },
  })),
  async run(context, enqueue) {
    const state: Others = { known: [...CORE_TYPES, corev1.resourcequotas], followed: new Set(), stops: [], enqueue };
    others.set(context.signal, state);
    await new Promise<void>((settle) => context.signal.addEventListener('abort', () => settle(), { once: true }));
    for (const stop of state.stops) stop();
  },
  async reconcile({ namespace }, quota, context) {
    if (!quota || quota.metadata?.deletionTimestamp) return undefined;
    const types = await typesFor(Object.keys(quota.spec?.hard ?? {}), context);
    const count = async (read: (type: ResourceType) => Promise<readonly KubeObject[]>) => {
      const objects = new Map<ResourceType, readonly KubeObject[]>();
      for (const type of types) objects.set(type, await read(type));
      return quotaStatus(quota, types, (type) => objects.get(type)!, context.runtime.clock.now());
    };
    if (!(await count((type) => objectsOf(type, namespace, context)))) return RESYNC_MS;
    // What is written is counted at the server: a cache that lags would give back what admission has charged meanwhile. A charge
    // after the quota was read is a conflict.
    const status = await count(async (type) => (await context.client.of(type).list({ namespace })).items);
    if (status) await context.client.of(corev1.resourcequotas).updateStatus({ ...quota, status });
    return RESYNC_MS;
  },
});
