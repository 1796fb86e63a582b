// The claims of a StatefulSet's pods, and who owns them by the retention policy (stateful_pod_control.go, KEP-1847).
import { appsv1, corev1, type KubeObject, type OwnerReference, type ResourceType } from '@tiphys/api';
import { isAlreadyExists } from '@tiphys/machinery';
import { semanticEqual } from '../equality.ts';
import type { Pod } from '../pods/pod-state.ts';
import { type Action, create, type EventText, update, type Write, warning } from '../runtime/actions.ts';
import type { Snapshot } from '../runtime/controller.ts';
import { controllerReference, isDeleting, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';
import { claimName, inRange, ordinalOf, type StatefulSet } from './identity.ts';

type Claim = corev1.PersistentVolumeClaim;

export function policyOf(set: StatefulSet): { whenDeleted: string; whenScaled: string } {
  const { whenDeleted = 'Retain', whenScaled = 'Retain' } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  return { whenDeleted, whenScaled };
}

function claimFromTemplate(set: StatefulSet, template: Claim, ordinal: number): Claim {
  return {
    ...template,
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      ...template.metadata,
      name: claimName(set, template, ordinal),
      namespace: namespaceOf(set),
      labels: { ...template.metadata?.labels, ...set.spec?.selector.matchLabels },
    },
  };
}

const templatesOf = (set: StatefulSet): readonly Claim[] => set.spec?.volumeClaimTemplates ?? [];

function existingClaims(set: StatefulSet, pod: Pod, snapshot: Snapshot): Claim[] {
  return templatesOf(set)
    .map((template) => snapshot.get(corev1.persistentvolumeclaims, claimName(set, template, ordinalOf(pod)), namespaceOf(set)))
    .filter((claim) => claim !== undefined);
}

export type Verb = 'Create' | 'Update' | 'Delete';

/** That something about a pod went wrong, in upstream's words. */
export const podFailed = (set: StatefulSet, pod: Pod, verb: Verb, why: string): EventText => ({
  type: 'Warning',
  reason: `Failed${verb}`,
  message: `${verb} Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)} failed error: ${why}`,
});

export interface MissingClaims {
  writes: Write[];
  /** Those that are on their way out have to go first. */
  deleting: string[];
}

/** Claims to create for the pod. With `verb` their failure is told of the pod as well. */
export function missingClaims(set: StatefulSet, pod: Pod, snapshot: Snapshot, verb?: Verb): MissingClaims {
  const ordinal = ordinalOf(pod);
  const missing: MissingClaims = { writes: [], deleting: [] };
  for (const template of templatesOf(set)) {
    const claim = claimFromTemplate(set, template, ordinal);
    const known = snapshot.get(corev1.persistentvolumeclaims, nameOf(claim), namespaceOf(claim));
    if (known && isDeleting(known)) missing.deleting.push(nameOf(claim));
    if (known) continue;
    const subject = `Create Claim ${nameOf(claim)}`;
    const member = `Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)}`;
    const done: EventText = { type: 'Normal', reason: 'SuccessfulCreate', message: `${subject} ${member} success` };
    const failed = (error: Error): EventText[] => [
      ...(isAlreadyExists(error)
        ? []
        : [{ type: 'Warning' as const, reason: 'FailedCreate', message: `${subject} for ${member} failed error: ${error.message}` }]),
      ...(verb ? [podFailed(set, pod, verb, `failed to create PVC ${nameOf(claim)}: ${error.message}`)] : []),
    ];
    const events = { whenDone: () => done, whenFailed: failed };
    missing.writes.push(create(corev1.persistentvolumeclaims, claim, `pod ${nameOf(pod)} needs it`, events));
  }
  return missing;
}

export const matches = (reference: OwnerReference, type: ResourceType, owner: KubeObject) =>
  reference.apiVersion === (type.group === '' ? type.version : `${type.group}/${type.version}`) &&
  reference.kind === type.kind &&
  reference.name === nameOf(owner);

const referencesOf = (claim: Claim): readonly OwnerReference[] => claim.metadata?.ownerReferences ?? [];
export const isOwnedBy = (claim: Claim, owner: KubeObject) => referencesOf(claim).some((reference) => reference.uid === uidOf(owner));

/** Refers to an earlier object of the same name. */
function isStale(claim: Claim, type: ResourceType, owner: KubeObject): boolean {
  const reference = referencesOf(claim).find((one) => matches(one, type, owner));
  return reference !== undefined && reference.uid !== uidOf(owner);
}

/** A claim that is about to be collected with an earlier pod of that name must be gone before the new pod comes. */
export function hasStaleClaim(set: StatefulSet, pod: Pod, snapshot: Snapshot): boolean {
  if (policyOf(set).whenScaled === 'Retain') return false;
  return existingClaims(set, pod, snapshot).some((claim) => isStale(claim, corev1.pods, pod));
}

/** Somebody else manages the claim. Without a policy nobody is in the way. */
export function hasUnexpectedController(claim: Claim, set: StatefulSet, pod: Pod): boolean {
  const { whenDeleted, whenScaled } = policyOf(set);
  if (whenDeleted === 'Retain' && whenScaled === 'Retain') return false;
  return referencesOf(claim).some((reference) => {
    if (matches(reference, appsv1.statefulsets, set)) return reference.uid !== uidOf(set);
    if (matches(reference, corev1.pods, pod)) return reference.uid !== uidOf(pod);
    return reference.controller === true;
  });
}

/** Who should own the claim: the set when it goes with the set, the pod when it goes with the scaled-down pod. */
function wantedOwners(set: StatefulSet, pod: Pod): { set: boolean; pod: boolean } {
  const { whenDeleted, whenScaled } = policyOf(set);
  const scaledDown = !inRange(set, pod);
  return {
    set: whenDeleted === 'Delete' && (whenScaled !== 'Delete' || !scaledDown),
    pod: whenScaled === 'Delete' && scaledDown,
  };
}

/** The set or the pod owns the claim without being its controller, as earlier versions wrote it. */
export const hasIdleOwner = (claim: Claim, set: StatefulSet, pod: Pod): boolean =>
  referencesOf(claim).some(({ uid, controller }) => (uid === uidOf(set) || uid === uidOf(pod)) && controller !== true);

/** In whatever order. */
export function sameOwners(a: readonly OwnerReference[], b: readonly OwnerReference[]): boolean {
  return a.length === b.length && a.every((one) => b.some((other) => semanticEqual(one, other)));
}

/** Whether the claim's owners are those that the policy asks for. */
export function ownersAreRight(claim: Claim, set: StatefulSet, pod: Pod): boolean {
  if (isStale(claim, appsv1.statefulsets, set) || isStale(claim, corev1.pods, pod)) return true;
  if (hasUnexpectedController(claim, set, pod)) return !isOwnedBy(claim, set) && !isOwnedBy(claim, pod);
  if (hasIdleOwner(claim, set, pod)) return false;
  const wanted = wantedOwners(set, pod);
  return isOwnedBy(claim, set) === wanted.set && isOwnedBy(claim, pod) === wanted.pod;
}

/** The owners that the policy asks for; those of others stay. */
export function rightOwners(claim: Claim, set: StatefulSet, pod: Pod): OwnerReference[] {
  const isForeign = hasUnexpectedController(claim, set, pod);
  const wanted = wantedOwners(set, pod);
  return [
    ...referencesOf(claim).filter((reference) => !matches(reference, appsv1.statefulsets, set) && !matches(reference, corev1.pods, pod)),
    ...(wanted.set && !isForeign ? [controllerReference(appsv1.statefulsets, set)] : []),
    ...(wanted.pod && !isForeign ? [controllerReference(corev1.pods, pod)] : []),
  ];
}

/** Brings the owner references of the pod's claims in line with the policy. */
export function retentionWrites(set: StatefulSet, pod: Pod, snapshot: Snapshot): Action[] {
  const actions: Action[] = [];
  for (const claim of existingClaims(set, pod, snapshot)) {
    if (ownersAreRight(claim, set, pod)) continue;
    if (hasUnexpectedController(claim, set, pod)) {
      const message = `PersistentVolumeClaim ${nameOf(claim)} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`;
      actions.push(warning('ConflictingController', message));
    }
    const ownerReferences = rightOwners(claim, set, pod);
    if (sameOwners(referencesOf(claim), ownerReferences)) continue;
    const changed = { ...claim, metadata: { ...claim.metadata, ownerReferences } };
    actions.push(update(corev1.persistentvolumeclaims, changed, 'its owners follow the retention policy'));
  }
  return actions;
}
