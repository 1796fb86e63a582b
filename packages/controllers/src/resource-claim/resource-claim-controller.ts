// Takes away what nobody uses any more: reservations of pods that are done, allocations without a reservation, and claims that
// were made for such pods (pkg/controller/resourceclaim/controller.go syncClaim).
import { corev1, resourcev1 } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { defineController, type ReconcileContext } from '../runtime/controller.ts';
import { controllerOf, isDeleting, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';
import { type Claim, claimNames, isDone } from './pod-claims.ts';

const FINALIZER = 'resource.kubernetes.io/delete-protection';
type Consumer = resourcev1.ResourceClaimConsumerReference;

/** The cache may not have the newest pod yet; the server is asked before its reservation is taken away. */
async function stillUses(consumer: Consumer, namespace: string, { client, snapshot }: ReconcileContext): Promise<boolean> {
  if (consumer.apiGroup || consumer.resource !== 'pods') return true;
  const cached = snapshot.get(corev1.pods, consumer.name, namespace);
  if (cached) return uidOf(cached) === consumer.uid && !isDone(cached);
  try {
    return uidOf(await client.of(corev1.pods).get(consumer.name, namespace)) === consumer.uid;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function remainingOf(claim: Claim, context: ReconcileContext): Promise<Consumer[]> {
  const remaining: Consumer[] = [];
  for (const consumer of claim.status?.reservedFor ?? []) {
    if (await stillUses(consumer, namespaceOf(claim), context)) remaining.push(consumer);
  }
  return remaining;
}

const isHeld = (claim: Claim) => claim.metadata?.finalizers?.includes(FINALIZER) ?? false;

function withStatus(claim: Claim, reservedFor: Consumer[], allocated: boolean): Claim {
  const { allocation, reservedFor: _, ...rest } = claim.status ?? {};
  const kept = allocated && allocation ? { allocation } : {};
  return { ...claim, status: { ...rest, ...kept, ...(reservedFor.length > 0 ? { reservedFor } : {}) } };
}

const withoutFinalizer = (claim: Claim): Claim => ({
  ...claim,
  metadata: { ...claim.metadata, finalizers: (claim.metadata?.finalizers ?? []).filter((each) => each !== FINALIZER) },
});

/** An allocation ends with its last user, so that the next one is free to choose its node. */
async function release(claim: Claim, remaining: Consumer[], { client }: ReconcileContext): Promise<void> {
  const claims = client.of(resourcev1.resourceclaims);
  const fewer = remaining.length < (claim.status?.reservedFor?.length ?? 0);
  const goes = isHeld(claim) && isDeleting(claim) && remaining.length === 0;
  if (!fewer && !goes) return;
  const unused = remaining.length === 0 && isHeld(claim);
  let current = claim;
  if (fewer || claim.status?.allocation) current = await claims.updateStatus(withStatus(claim, remaining, !unused));
  if (isHeld(current) && !current.status?.allocation) await claims.update(withoutFinalizer(current));
}

/** A claim that was made for a pod goes with it, even while the pod itself stays as it ended. */
async function removeUnused(claim: Claim, { client, snapshot }: ReconcileContext): Promise<void> {
  const owner = controllerOf(claim);
  if (owner?.kind !== 'Pod' || owner.apiVersion !== 'v1' || isDeleting(claim)) return;
  const pod = snapshot.get(corev1.pods, owner.name, namespaceOf(claim));
  if (!pod || (uidOf(pod) === owner.uid && !isDone(pod))) return;
  try {
    await client.of(resourcev1.resourceclaims).delete(nameOf(claim), namespaceOf(claim));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

export const resourceClaimController = defineController<Claim>({
  name: 'resource-claim-controller',
  eventSource: 'resource_claim',
  for: resourcev1.resourceclaims,
  watches: [
    {
      type: corev1.pods,
      keys: (pod: corev1.Pod, _snapshot, { gone }) =>
        gone || isDone(pod) ? claimNames(pod).map((name) => `${namespaceOf(pod)}/${name}`) : [],
    },
  ],
  async reconcile(_key, claim, context) {
    if (!claim) return undefined;
    const remaining = await remainingOf(claim, context);
    await release(claim, remaining, context);
    if (remaining.length === 0) await removeUnused(claim, context);
    return undefined;
  },
});
