// Load balancers of Services, made by a provider that a program brings (cloud-provider controllers/service). There is none by
// default: then nothing is done and a status that somebody else writes stays.
import { corev1 } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { semanticEqual } from '../equality.ts';
import { typed } from '../runtime/apply.ts';
import { type Controller, defineController, type ReconcileContext } from '../runtime/controller.ts';
import { annotationsOf, isDeleting, keyOf, labelsOf, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';

type Service = corev1.Service;

/** What makes load balancers. Every method may be called again for what is done already. */
export interface LoadBalancerProvider {
  exists(service: Service): Promise<boolean>;
  /** Makes or changes it; the answer becomes the Service's status. */
  ensure(service: Service, nodes: readonly corev1.Node[]): Promise<corev1.LoadBalancerStatus>;
  /** The nodes have changed. */
  update(service: Service, nodes: readonly corev1.Node[]): Promise<void>;
  remove(service: Service): Promise<void>;
}

const FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';
const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';

const holds = (service: Service) => service.metadata?.finalizers?.includes(FINALIZER) ?? false;
const wants = ({ spec }: Service) => spec?.type === 'LoadBalancer' && spec.loadBalancerClass === undefined;
const statusIsEmpty = (service: Service) => (service.status?.loadBalancer?.ingress?.length ?? 0) === 0;

const backends = (nodes: readonly corev1.Node[]) => nodes.filter((node) => !isDeleting(node) && labelsOf(node)[EXCLUDED] === undefined);

/** All that a provider may look at. */
const facts = (service: Service) => ({ spec: service.spec, annotations: annotationsOf(service), uid: uidOf(service) });

interface Known {
  facts: ReturnType<typeof facts>;
  nodes: string;
}

async function patchFinalizers(service: Service, body: object, { client }: ReconcileContext): Promise<void> {
  try {
    await client.of(corev1.services).patch(nameOf(service), namespaceOf(service), 'strategic', { metadata: body });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function writeStatus(service: Service, loadBalancer: corev1.LoadBalancerStatus, { client }: ReconcileContext): Promise<void> {
  if (semanticEqual(service.status?.loadBalancer ?? {}, loadBalancer)) return;
  const body = { status: { loadBalancer: { ingress: loadBalancer.ingress ?? null } } };
  try {
    await client.of(corev1.services).patch(nameOf(service), namespaceOf(service), 'merge', body, { subresource: 'status' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function takeDown(service: Service, provider: LoadBalancerProvider, context: ReconcileContext): Promise<void> {
  const { events } = context;
  if (await provider.exists(service)) {
    events.event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    await provider.remove(service);
  }
  if (holds(service)) await patchFinalizers(service, { '$deleteFromPrimitiveList/finalizers': [FINALIZER] }, context);
  events.event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
  await writeStatus(service, {}, context);
}

async function setUp(
  service: Service,
  nodes: readonly corev1.Node[],
  provider: LoadBalancerProvider,
  context: ReconcileContext,
): Promise<void> {
  const { events } = context;
  events.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
  if (!holds(service)) await patchFinalizers(service, { finalizers: [FINALIZER] }, context);
  if (nodes.length === 0) events.event(service, 'Warning', 'UnAvailableLoadBalancer', 'There are no available nodes for LoadBalancer');
  const status = await provider.ensure(service, nodes);
  events.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
  await writeStatus(service, status, context);
}

export function serviceLbController(provider: LoadBalancerProvider): Controller<Service> {
  const known = new Map<string, Known>();
  const sync = async (service: Service, context: ReconcileContext): Promise<void> => {
    const key = keyOf(service);
    if (!wants(service) || isDeleting(service)) {
      if (!holds(service) && (isDeleting(service) || (statusIsEmpty(service) && !known.has(key)))) return;
      await takeDown(service, provider, context);
      known.delete(key);
      return;
    }
    const nodes = backends(context.snapshot.list(corev1.nodes));
    const now: Known = { facts: facts(service), nodes: nodes.map(nameOf).sort().join() };
    const before = known.get(key);
    if (!before || !semanticEqual(before.facts, now.facts)) await setUp(service, nodes, provider, context);
    else if (before.nodes !== now.nodes) {
      await provider.update(service, nodes);
      context.events.event(service, 'Normal', 'UpdatedLoadBalancer', 'Updated load balancer with new hosts');
    }
    known.set(key, now);
  };
  return defineController<Service>({
    name: 'service-controller',
    for: corev1.services,
    watches: [
      {
        type: corev1.nodes,
        keys: (node: corev1.Node, snapshot, { old }) =>
          old &&
          (labelsOf(node)[EXCLUDED] === undefined) === (labelsOf(old)[EXCLUDED] === undefined) &&
          isDeleting(node) === isDeleting(old)
            ? []
            : snapshot.list(corev1.services).filter(wants).map(keyOf),
      },
    ],
    async reconcile(key, cached, context) {
      if (!cached) return void known.delete(`${key.namespace}/${key.name}`) as undefined;
      const service = typed(corev1.services, cached);
      try {
        await sync(service, context);
      } catch (error) {
        context.events.event(service, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: ${(error as Error).message}`);
        throw error;
      }
      return undefined;
    },
  });
}
