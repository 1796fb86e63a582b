// Deletes pods whose devices have NoExecute taints that their claims don't tolerate, at once or when the toleration ends
// (pkg/controller/devicetainteviction/device_taint_eviction.go). DeviceTaintRules are off by default and have no part in it.
import { corev1, resourcev1, timeText } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import { isTerminal } from '../pods/pod-state.ts';
import { claimNames } from '../resource-claim/pod-claims.ts';
import { normal, note, patch, remove, wakeAt } from '../runtime/actions.ts';
import { defineController, type Snapshot } from '../runtime/controller.ts';
import { isDeleting, keyOf, namespaceOf, uidOf } from '../runtime/objects.ts';
import { BY_POOL, podEvictionMs, poolKey, poolOf } from './device-taints.ts';

const BY_CLAIM = 'device-claim';
const REASON = 'DeviceTaintManagerEviction';

const usersOf = (claim: resourcev1.ResourceClaim, snapshot: Snapshot) => snapshot.byIndex(corev1.pods, BY_CLAIM, keyOf(claim)).map(keyOf);

const poolsOf = ({ status }: resourcev1.ResourceClaim) => [
  ...new Set((status?.allocation?.devices?.results ?? []).map(({ driver, pool }) => poolKey(driver, pool))),
];

const taintsOf = (slice: resourcev1.ResourceSlice) =>
  JSON.stringify([slice.spec?.pool.generation, (slice.spec?.devices ?? []).map(({ name, taints = [] }) => [name, taints])]);

export const deviceTaintEvictionController = defineController<corev1.Pod>({
  name: 'device-taint-eviction-controller',
  for: corev1.pods,
  triggers: (pod) => (pod.spec?.resourceClaims?.length ?? 0) > 0,
  indices: [
    { type: corev1.pods, name: BY_CLAIM, keysOf: (pod) => claimNames(pod).map((name) => `${namespaceOf(pod)}/${name}`) },
    { type: resourcev1.resourceslices, name: BY_POOL, keysOf: (slice) => [poolOf(slice)] },
    { type: resourcev1.resourceclaims, name: BY_POOL, keysOf: poolsOf },
  ],
  watches: [
    { type: resourcev1.resourceclaims, keys: usersOf },
    {
      type: resourcev1.resourceslices,
      keys: (slice: resourcev1.ResourceSlice, snapshot, { old }) => {
        if (old && taintsOf(slice) === taintsOf(old)) return [];
        return snapshot.byIndex(resourcev1.resourceclaims, BY_POOL, poolOf(slice)).flatMap((claim) => usersOf(claim, snapshot));
      },
    },
  ],
  plan(world, nowMs) {
    const pod = world.object;
    if (isDeleting(pod) || isTerminal(pod)) return [];
    const pending = world.note(uidOf(pod)) !== undefined;
    const atMs = podEvictionMs(pod, world, nowMs);
    if (atMs === undefined) return pending ? [normal(REASON, 'Cancelling deletion'), note(uidOf(pod), undefined)] : [];
    if (atMs > nowMs) return [note(uidOf(pod), true), wakeAt(atMs, "its claim's toleration ends")];
    const condition: corev1.PodCondition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByDeviceTaintManager',
      message: 'Device Taint manager: deleting due to NoExecute taint',
      lastTransitionTime: timeText(nowMs),
    };
    const tolerate = (error: unknown) => isNotFound(error) || isConflict(error);
    return [
      note(uidOf(pod), undefined),
      normal(REASON, 'Marking for deletion'),
      patch(corev1.pods, pod, 'strategic', { status: { conditions: [condition] } }, 'says why it goes', {
        subresource: 'status',
        tolerate,
      }),
      remove(corev1.pods, pod, 'a device has a NoExecute taint', { options: { preconditions: { uid: uidOf(pod) } }, tolerate }),
    ];
  },
});
