// Empties a namespace that is being deleted and then lets it go: pods first, then everything else
// (pkg/controller/namespace/deletion/namespaced_resources_deleter.go; KEP-5080 for the order).
import { corev1, type ResourceType } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { isConflict, isNotFound, isStatus } from '@tiphys/machinery';
import { type DiscoveredResource, discoveredResources } from '../discovered-resources.ts';
import { defineController, type ReconcileContext } from '../runtime/controller.ts';
import { nameOf, timeMs } from '../runtime/objects.ts';
import { type Emptying, emptyingConditions } from './conditions.ts';

const FINALIZER = 'kubernetes';
/** How long finalizers of content are given before the next look, as upstream estimates it. */
const FINALIZERS_SECONDS = 15;
const KINDS_AT_ONCE = 16;

interface Attempt {
  /** Seconds until it is worth to look again; 0 when everything is gone. */
  estimateSeconds: number;
  found: Emptying;
}

async function deleteAll({ type, verbs }: DiscoveredResource, namespace: string, client: Client): Promise<void> {
  const resource = client.of(type);
  if (verbs.includes('deletecollection')) return resource.deleteCollection({ namespace, propagationPolicy: 'Background' });
  for (const item of (await resource.list({ namespace })).items) {
    try {
      await resource.delete(nameOf(item), namespace, { propagationPolicy: 'Background' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** The longest grace period of the pods, unless it is over. */
function podsSeconds(pods: readonly corev1.Pod[], deletedMs: number, nowMs: number): number {
  const seconds = pods
    .filter((pod) => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed')
    .map((pod) => pod.spec?.terminationGracePeriodSeconds ?? 0);
  const longest = Math.max(0, ...seconds);
  return nowMs - deletedMs >= longest * 1000 ? 0 : longest;
}

class Emptier {
  readonly errors: string[] = [];
  readonly remaining = new Map<string, number>();
  readonly finalizers = new Map<string, number>();
  estimateSeconds = 0;
  readonly #namespace: corev1.Namespace;
  readonly #context: ReconcileContext;

  constructor(namespace: corev1.Namespace, context: ReconcileContext) {
    this.#namespace = namespace;
    this.#context = context;
  }

  async empty(resource: DiscoveredResource): Promise<void> {
    const { type, verbs } = resource;
    const { client, runtime } = this.#context;
    const namespace = nameOf(this.#namespace);
    try {
      let estimate = 0;
      if (isPods(type)) {
        const pods = (await client.of(corev1.pods).list({ namespace })).items;
        estimate = podsSeconds(pods, timeMs(this.#namespace.metadata?.deletionTimestamp), runtime.clock.now());
      }
      await deleteAll(resource, namespace, client);
      if (!verbs.includes('list')) return;
      const left = (await client.of(type).list({ namespace })).items;
      if (left.length === 0) return;
      this.remaining.set(`${type.resource}.${type.group}`, left.length);
      const finalizers = left.flatMap((item) => item.metadata?.finalizers ?? []);
      for (const finalizer of finalizers) this.finalizers.set(finalizer, (this.finalizers.get(finalizer) ?? 0) + 1);
      if (estimate === 0 && finalizers.length > 0) estimate = FINALIZERS_SECONDS;
      if (estimate === 0)
        throw new Error(
          `unexpected items still remain in namespace: ${namespace} for gvr: ${[type.group, type.version].join('/')}, Resource=${type.resource}`,
        );
      this.estimateSeconds = Math.max(this.estimateSeconds, estimate);
    } catch (error) {
      if (isStatus(error, 'MethodNotAllowed') || isNotFound(error)) return;
      this.errors.push((error as Error).message);
    }
  }
}

const isPods = (type: ResourceType) => type.group === '' && type.resource === 'pods';

async function emptyNamespace(namespace: corev1.Namespace, context: ReconcileContext): Promise<Attempt> {
  let resources: DiscoveredResource[] = [];
  let discoveryError: string | undefined;
  try {
    resources = (await discoveredResources(context.client)).filter(({ type, verbs }) => type.namespaced && verbs.includes('delete'));
  } catch (error) {
    discoveryError = (error as Error).message;
  }
  const emptier = new Emptier(namespace, context);
  const attempt = (): Attempt => ({ estimateSeconds: emptier.estimateSeconds, found: { ...emptier, discoveryError } });
  const pods = resources.find(({ type }) => isPods(type));
  if (pods) await emptier.empty(pods);
  if (emptier.remaining.size > 0) return attempt();
  const others = resources.filter((resource) => resource !== pods);
  for (let first = 0; first < others.length; first += KINDS_AT_ONCE)
    await Promise.all(others.slice(first, first + KINDS_AT_ONCE).map((resource) => emptier.empty(resource)));
  return attempt();
}

async function writeConditions(namespace: corev1.Namespace, found: Emptying, context: ReconcileContext): Promise<corev1.Namespace> {
  const before = namespace.status?.conditions ?? [];
  const conditions = emptyingConditions(before, found, context.runtime.clock.now());
  if (conditions === before) return namespace;
  return context.client.of(corev1.namespaces).updateStatus({ ...namespace, status: { ...namespace.status, conditions: [...conditions] } });
}

async function finalize(namespace: corev1.Namespace, context: ReconcileContext): Promise<void> {
  const namespaces = context.client.of(corev1.namespaces);
  const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
  const path = `/api/v1/namespaces/${nameOf(namespace)}/finalize`;
  const body = { ...namespace, apiVersion: 'v1', kind: 'Namespace', spec: { ...namespace.spec, finalizers } };
  const { status } = await context.client.raw('PUT', path, body);
  if (status === 409) await finalize(await namespaces.get(nameOf(namespace)), context);
}

export const namespaceController = defineController<corev1.Namespace>({
  name: 'namespace-controller',
  concurrency: 10,
  for: corev1.namespaces,
  triggers: (namespace) => namespace.metadata?.deletionTimestamp !== undefined,
  async reconcile({ name }, object, context) {
    if (!object?.metadata?.deletionTimestamp) return undefined;
    try {
      const namespace = await context.client.of(corev1.namespaces).get(name);
      if (!namespace.metadata?.deletionTimestamp || !namespace.spec?.finalizers?.includes(FINALIZER)) return undefined;
      const { estimateSeconds, found } = await emptyNamespace(namespace, context);
      const latest = await writeConditions(namespace, found, context);
      if (found.errors.length > 0 || found.discoveryError)
        throw new Error([found.discoveryError, ...found.errors].filter(Boolean).join('; '));
      if (found.remaining.size > 0) return Math.max(1, Math.floor(estimateSeconds / 2) + 1) * 1000;
      await finalize(latest, context);
      return undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (isConflict(error)) return 0;
      throw error;
    }
  },
  // A pod that ends lets the namespace go on without waiting for the estimate.
  watches: [
    {
      type: corev1.pods,
      keys: (pod, snapshot, { gone }) => {
        const namespace = pod.metadata!.namespace!;
        return gone && snapshot.get(corev1.namespaces, namespace)?.metadata?.deletionTimestamp ? [`/${namespace}`] : [];
      },
    },
  ],
});
