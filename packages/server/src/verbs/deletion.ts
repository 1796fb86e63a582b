// What a DELETE does to an object, decided without doing it: go at once, wait for a grace period, wait for finalizers
// (registry/rest/delete.go BeforeDelete, registry/generic/registry/store.go updateForGracefulDeletionAndFinalizers).
import { timeText } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';
import type { DeleteOptions, ResourceDefinition } from '@tiphys/registry';
import type { PlainObject } from '../cache/entry.ts';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

export type Deletion =
  /** `last`: how the object is told once more, where it is another than stored. */
  | { kind: 'remove'; last?: PlainObject }
  /** Deletion has begun before and nothing about it changes. */
  | { kind: 'pending' }
  | { kind: 'mark'; object: PlainObject };

export interface DeletionSubject {
  definition: ResourceDefinition<any>;
  object: PlainObject;
  options: DeleteOptions;
  nowMs: number;
  /** The grace period the kind's rules choose; undefined for kinds without graceful deletion. */
  grace(requested: number | undefined): number | undefined;
}

/** Throws Conflict when the object is not the one the caller means. */
export function checkPreconditions({ definition, object, options }: Pick<DeletionSubject, 'definition' | 'object' | 'options'>): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const metadata = object.metadata!;
  if (definition.holdsDeletion) {
    checkHeld(definition, metadata, options);
    return;
  }
  const { group, kind } = definition.conversion?.stored ?? definition.type;
  const subject = { group, resource: kind };
  if (uid != null && uid !== metadata.uid) {
    throw statusError.conflict(
      subject,
      metadata.name!,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion != null && resourceVersion !== metadata.resourceVersion) {
    throw statusError.conflict(
      subject,
      metadata.name!,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}

/** Namespaces and definitions of custom resources look for themselves, and say it otherwise. */
function checkHeld({ type }: ResourceDefinition<any>, metadata: NonNullable<PlainObject['metadata']>, options: DeleteOptions): void {
  for (const [field, word] of [
    ['uid', 'UID'],
    ['resourceVersion', 'ResourceVersion'],
  ] as const) {
    const asked = options.preconditions?.[field];
    if (asked == null || asked === metadata[field]) continue;
    const why = `Precondition failed: ${word} in precondition: ${asked}, ${word} in object meta: ${metadata[field]}`;
    throw statusError.conflict(type, metadata.name!, why);
  }
}

/** The finalizers that the garbage collector works by, as the options ask, among the others. */
export function finalizersFor(definition: ResourceDefinition<any>, finalizers: readonly string[], options: DeleteOptions): string[] {
  const policy = policyOf(definition, finalizers, options);
  if (definition.defaultPropagation === 'Unsupported')
    return finalizers.filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND);
  const others = finalizers.filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND);
  const wished = policy === 'Orphan' ? [...others, ORPHAN] : policy === 'Foreground' ? [...others, FOREGROUND] : others;
  // The same ones, in whatever order and however often, stay as they are.
  return new Set(finalizers).symmetricDifference(new Set(wished)).size === 0 ? [...finalizers] : wished;
}

function policyOf(definition: ResourceDefinition<any>, finalizers: readonly string[], options: DeleteOptions): string {
  if (options.orphanDependents != null) return options.orphanDependents ? 'Orphan' : 'Background';
  if (options.propagationPolicy != null) return options.propagationPolicy;
  for (const finalizer of finalizers) {
    if (finalizer === ORPHAN) return 'Orphan';
    if (finalizer === FOREGROUND) return 'Foreground';
  }
  return definition.defaultPropagation ?? 'Background';
}

export function planDeletion(subject: DeletionSubject): Deletion {
  const { definition, object, options } = subject;
  checkPreconditions(subject);
  if (definition.holdsDeletion) {
    const held = heldDeletion(subject);
    if (held) return held;
  }
  const graceful = gracefulMarks(subject);
  if (graceful === 'pending') return { kind: 'pending' };
  const metadata = object.metadata!;
  const finalizers = finalizersFor(definition, metadata.finalizers ?? [], options);
  if (!graceful && finalizers.length === 0) {
    // Kinds with a grace period are marked even where it is none, or none any more, though nobody stores that.
    const isMarked = definition.graceSeconds && (!metadata.deletionTimestamp || metadata.deletionGracePeriodSeconds);
    return isMarked ? { kind: 'remove', last: { ...object, metadata: { ...metadata, ...atOnce(subject) } } } : { kind: 'remove' };
  }
  const marks = graceful ?? atOnce(subject);
  const { finalizers: _, ...rest } = metadata;
  const marked = { ...rest, ...marks, ...(finalizers.length > 0 ? { finalizers } : {}) };
  return { kind: 'mark', object: { ...object, metadata: marked } };
}

interface Marks {
  deletionTimestamp: string;
  deletionGracePeriodSeconds: number;
  generation?: number;
}

const nextGeneration = (object: PlainObject): { generation?: number } => {
  const { generation, deletionTimestamp } = object.metadata!;
  return generation && !deletionTimestamp ? { generation: generation + 1 } : {};
};

function atOnce({ object, nowMs }: DeletionSubject): Marks {
  const before = object.metadata!.deletionTimestamp;
  const now = timeText(nowMs);
  const deletionTimestamp = before && Date.parse(before) <= nowMs ? before : now;
  return { deletionTimestamp, deletionGracePeriodSeconds: 0, ...nextGeneration(object) };
}

/** Marks of a deletion with grace; undefined when there is none to give, `pending` when one is under way that stays as it is. */
function gracefulMarks(subject: DeletionSubject): Marks | 'pending' | undefined {
  const { definition, object, options, nowMs } = subject;
  if (!definition.graceSeconds) return undefined;
  const { deletionTimestamp, deletionGracePeriodSeconds: before } = object.metadata!;
  const asked = options.gracePeriodSeconds == null ? undefined : options.gracePeriodSeconds < 0 ? 1 : options.gracePeriodSeconds;
  if (!deletionTimestamp) {
    const seconds = subject.grace(asked);
    if (!seconds) return undefined;
    return { deletionTimestamp: timeText(nowMs + seconds * 1000), deletionGracePeriodSeconds: seconds, ...nextGeneration(object) };
  }
  if (!before) return undefined;
  if (asked === undefined || asked >= before) return 'pending';
  if (asked === 0) return undefined;
  const shortened = Date.parse(deletionTimestamp) - before * 1000 + asked * 1000;
  if (shortened < nowMs) return { deletionTimestamp: timeText(nowMs), deletionGracePeriodSeconds: 1 };
  return { deletionTimestamp: timeText(shortened), deletionGracePeriodSeconds: asked };
}

/** Kinds that wait for more than metadata.finalizers (namespaces): first marked, then held, then deleted like any other. */
function heldDeletion({ definition, object, options, nowMs }: DeletionSubject): Deletion | undefined {
  const metadata = object.metadata!;
  if (!metadata.deletionTimestamp) {
    const { finalizers: before, ...rest } = metadata;
    const finalizers = definition.holdsAlone ? (before ?? []) : finalizersFor(definition, before ?? [], options);
    const marked = structuredClone({
      ...object,
      metadata: { ...rest, deletionTimestamp: timeText(nowMs), ...(finalizers.length > 0 ? { finalizers } : {}) },
    });
    definition.markDeleting?.(marked);
    return { kind: 'mark', object: marked };
  }
  return definition.holdsDeletion!(object) && !definition.holdsAlone ? { kind: 'pending' } : undefined;
}
