// Which volumes the claims of a pod would have on a node: those they are bound to, free ones that the node reaches, or new
// ones (pkg/scheduler/framework/plugins/volumebinding/binder.go). Pure; scheduler.ts carries it out before it binds the pod.
import type { corev1 } from '@tiphys/api';
import {
  annotationOf,
  claimClass,
  findMatchingVolume,
  isBoundTo,
  isDelayed,
  isFullyBound,
  NO_PROVISIONER,
  reachableFrom,
  VOLUME_ANNOTATIONS,
} from '@tiphys/machinery';
import { type Refusal, refuse, type Snapshot } from '../framework/plugin.ts';

type Claim = corev1.PersistentVolumeClaim;
type Volume = corev1.PersistentVolume;

export interface PodVolumes {
  bound: readonly Volume[];
  /** Claims whose class waits for the first pod that uses them. */
  waiting: readonly Claim[];
}

/** What binding the claims on a node means. */
export interface VolumeDecision {
  claim: Claim;
  /** A free volume; without it a new one is asked for. */
  volume?: Volume;
}

interface Wanted {
  name: string;
  isEphemeral: boolean;
}

/** Claims of the pod, by name; generic ephemeral volumes have claims named after the pod. */
function claimsOf(pod: corev1.Pod): Wanted[] {
  return (pod.spec!.volumes ?? []).flatMap((volume): Wanted[] => {
    if (volume.persistentVolumeClaim) return [{ name: volume.persistentVolumeClaim.claimName, isEphemeral: false }];
    return volume.ephemeral ? [{ name: `${pod.metadata!.name}-${volume.name}`, isEphemeral: true }] : [];
  });
}

/** Names of the claims the pod uses. */
export const claimNames = (pod: corev1.Pod): string[] => claimsOf(pod).map(({ name }) => name);

function whyNotUsable(pod: corev1.Pod, { name, isEphemeral }: Wanted, claim: Claim | undefined): string | undefined {
  if (!claim) {
    return isEphemeral
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
      : `persistentvolumeclaim "${name}" not found`;
  }
  if (claim.status?.phase === 'Lost') {
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`;
  }
  if (claim.metadata?.deletionTimestamp) return `persistentvolumeclaim "${name}" is being deleted`;
  const owner = claim.metadata?.ownerReferences?.find(({ controller }) => controller);
  if (isEphemeral && owner?.uid !== pod.metadata?.uid) {
    const { name: podName, namespace } = pod.metadata!;
    return `PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`;
  }
  return undefined;
}

/** undefined when the pod has no claims; a refusal when no node would do. */
export function podVolumes(pod: corev1.Pod, snapshot: Snapshot): PodVolumes | Refusal | undefined {
  const wanted = claimsOf(pod);
  if (wanted.length === 0) return undefined;
  const bound: Volume[] = [];
  const waiting: Claim[] = [];
  let isUnbound = false;
  for (const each of wanted) {
    const claim = snapshot.claim(pod.metadata!.namespace!, each.name);
    const why = whyNotUsable(pod, each, claim);
    if (why) return refuse([why], true);
    if (isFullyBound(claim!)) {
      const volume = snapshot.volume(claim!.spec!.volumeName!);
      if (!volume) return refuse(['node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'], true);
      bound.push(volume);
    } else if (!claim!.spec?.volumeName && isDelayed(snapshot.storageClass(claimClass(claim!)))) waiting.push(claim!);
    else isUnbound = true;
  }
  return isUnbound ? refuse(['pod has unbound immediate PersistentVolumeClaims'], true) : { bound, waiting };
}

function allowsTopology(snapshot: Snapshot, claim: Claim, node: corev1.Node): boolean {
  const terms = snapshot.storageClass(claimClass(claim))?.allowedTopologies ?? [];
  const labels = node.metadata?.labels ?? {};
  return (
    terms.length === 0 ||
    terms.some(({ matchLabelExpressions = [] }) => matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? '')))
  );
}

const requestOf = (claim: Claim) => Number.parseFloat(claim.spec?.resources?.requests?.storage ?? '0');

/** The decisions for a node, or why it can't be had there. `taken` are volumes that were promised to other pods just now. */
export function decideVolumes(
  volumes: PodVolumes,
  node: corev1.Node,
  snapshot: Snapshot,
  taken: ReadonlySet<string>,
): VolumeDecision[] | Refusal {
  if (!volumes.bound.every((volume) => reachableFrom(volume, node))) {
    return refuse(["node(s) didn't match PersistentVolume's node affinity"], true);
  }
  const decisions: VolumeDecision[] = [];
  const excluded = new Set(taken);
  const candidates = volumes.waiting.length > 0 ? snapshot.volumes() : [];
  for (const claim of [...volumes.waiting].sort((a, b) => requestOf(a) - requestOf(b))) {
    const selected = annotationOf(claim, VOLUME_ANNOTATIONS.selectedNode);
    // Being made already, for another node.
    if (selected !== undefined && selected !== node.metadata!.name) {
      return refuse(["node(s) didn't find available persistent volumes to bind"], true);
    }
    const volume = selected === undefined ? findMatchingVolume(claim, candidates, { node, excluded, delayed: true }) : undefined;
    if (volume) {
      excluded.add(volume.metadata!.name!);
      decisions.push({ claim, volume });
      continue;
    }
    const provisioner = snapshot.storageClass(claimClass(claim))?.provisioner;
    if (!provisioner || provisioner === NO_PROVISIONER || !allowsTopology(snapshot, claim, node)) {
      return refuse(["node(s) didn't find available persistent volumes to bind"], true);
    }
    decisions.push({ claim });
  }
  return decisions;
}

/** How far the binding of a claim has come, as the caches show it. */
export function bindingProgress(decision: VolumeDecision, nodeName: string, snapshot: Snapshot): 'bound' | 'waiting' | { problem: string } {
  const { name, namespace } = decision.claim.metadata!;
  const claim = snapshot.claim(namespace!, name!);
  if (!claim || claim.metadata?.uid !== decision.claim.metadata!.uid) return { problem: `persistentvolumeclaim "${name}" not found` };
  if (isFullyBound(claim)) {
    const volume = snapshot.volume(claim.spec!.volumeName!);
    return volume && isBoundTo(volume, claim) ? 'bound' : 'waiting';
  }
  if (claim.metadata?.deletionTimestamp) return { problem: `persistentvolumeclaim "${name}" is being deleted` };
  const selected = annotationOf(claim, VOLUME_ANNOTATIONS.selectedNode);
  if (selected !== undefined && selected !== nodeName) {
    return {
      problem: `provisioning failed for PVC "${name}": selectedNode annotation value "${selected}" not set to scheduled node "${nodeName}"`,
    };
  }
  return 'waiting';
}
