// Marks ServiceCIDRs ready, and keeps those that are being deleted while addresses need them
// (pkg/controller/servicecidrs/servicecidrs_controller.go).
import { type metav1, networkingv1, timeText } from '@tiphys/api';
import { type CidrValue, isNotFound, readAddress, readNetwork } from '@tiphys/machinery';
import { conditionOf } from '../conditions.ts';
import { typed } from '../runtime/apply.ts';
import { defineController, type ReconcileContext, type Snapshot } from '../runtime/controller.ts';
import { isDeleting, keyOf, labelsOf, nameOf, timeMs } from '../runtime/objects.ts';

type Range = networkingv1.ServiceCIDR;
type Address = networkingv1.IPAddress;

export const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
/** So that allocators have heard of the deletion and give out no more addresses of the range. */
export const GRACE_MS = 10_000;
const FIELD_MANAGER = 'service-cidr-controller';
const MANAGED_BY = 'ipaddress.kubernetes.io/managed-by';
const ALLOCATOR = 'ipallocator.k8s.io';

const networksOf = (range: Range): CidrValue[] => (range.spec?.cidrs ?? []).map(readNetwork).filter((network) => network !== undefined);

const holds = (outer: CidrValue, inner: CidrValue) => outer.length <= inner.length && outer.contains(inner.ip);
const overlaps = (a: CidrValue, b: CidrValue) => holds(a, b) || holds(b, a);

function rangesOf(address: Address, ranges: readonly Range[]): Range[] {
  const ip = labelsOf(address)[MANAGED_BY] === ALLOCATOR ? readAddress(nameOf(address)) : undefined;
  return ip ? ranges.filter((range) => networksOf(range).some((network) => network.contains(ip))) : [];
}

/** No address would be left without a range. */
export function canGo(range: Range, ranges: readonly Range[], addresses: readonly Address[]): boolean {
  const others = ranges.filter((other) => nameOf(other) !== nameOf(range)).flatMap(networksOf);
  if (networksOf(range).every((network) => others.some((other) => holds(other, network)))) return true;
  return !addresses.some((address) => {
    const holding = rangesOf(address, ranges);
    return holding.length === 1 && nameOf(holding[0]!) === nameOf(range);
  });
}

const READY = { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' };
const TERMINATING = {
  type: 'Ready',
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
};

async function setCondition(
  range: Range,
  condition: Omit<metav1.Condition, 'lastTransitionTime'>,
  context: ReconcileContext,
): Promise<void> {
  const old = conditionOf(range.status?.conditions, condition.type);
  if (old && old.status === condition.status && (old.reason ?? '') === condition.reason && old.message === condition.message) return;
  const lastTransitionTime = timeText(context.runtime.clock.now());
  const { apiVersion, kind } = typed(networkingv1.servicecidrs, range);
  const body = { apiVersion, kind, metadata: { name: nameOf(range) }, status: { conditions: [{ ...condition, lastTransitionTime }] } };
  const options = { subresource: 'status', fieldManager: FIELD_MANAGER, force: true };
  await context.client.of(networkingv1.servicecidrs).patch(nameOf(range), undefined, 'apply', body, options);
}

async function patchFinalizers(range: Range, finalizers: object, { client }: ReconcileContext): Promise<void> {
  try {
    await client.of(networkingv1.servicecidrs).patch(nameOf(range), undefined, 'strategic', { metadata: finalizers });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

const overlapping = (range: Range, snapshot: Snapshot) =>
  snapshot
    .list(networkingv1.servicecidrs)
    .filter((other) => networksOf(other).some((network) => networksOf(range).some((own) => overlaps(network, own))));

export const serviceCidrsController = defineController<Range>({
  name: 'service-cidrs-controller',
  eventSource: FIELD_MANAGER,
  for: networkingv1.servicecidrs,
  watches: [
    // A range that came or went may let another go, or hold it.
    { type: networkingv1.servicecidrs, keys: (range: Range, snapshot, { old }) => (old ? [] : overlapping(range, snapshot).map(keyOf)) },
    {
      type: networkingv1.ipaddresses,
      keys: (address: Address, snapshot, { old }) => (old ? [] : rangesOf(address, snapshot.list(networkingv1.servicecidrs)).map(keyOf)),
    },
  ],
  async reconcile(_key, range, context) {
    if (!range) return undefined;
    const held = range.metadata?.finalizers?.includes(FINALIZER) ?? false;
    const { snapshot, runtime, events } = context;
    if (isDeleting(range)) {
      const free = canGo(range, snapshot.list(networkingv1.servicecidrs), snapshot.list(networkingv1.ipaddresses));
      if (!free) {
        await setCondition(range, TERMINATING, context);
        return undefined;
      }
      const waitMs = timeMs(range.metadata?.deletionTimestamp) + GRACE_MS - runtime.clock.now();
      if (waitMs > 0) return waitMs;
      if (held) await patchFinalizers(range, { '$deleteFromPrimitiveList/finalizers': [FINALIZER] }, context);
      return undefined;
    }
    if (!held) await patchFinalizers(range, { finalizers: [FINALIZER] }, context);
    try {
      await setCondition(range, READY, context);
    } catch (error) {
      const about = typed(networkingv1.servicecidrs, range);
      events.event(about, 'Warning', 'KubernetesServiceCIDRError', 'The ServiceCIDR Status can not be set to Ready=True');
      throw error;
    }
    return undefined;
  },
});
