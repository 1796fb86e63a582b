// What a terminating namespace says of its emptying (pkg/controller/namespace/deletion/status_condition_utils.go).
import { type corev1, timeText } from '@tiphys/api';

/** What was found while emptying. */
export interface Emptying {
  discoveryError?: string;
  errors: readonly string[];
  /** `pods.` → how many are left. */
  remaining: ReadonlyMap<string, number>;
  finalizers: ReadonlyMap<string, number>;
}

const SUCCESS = {
  NamespaceDeletionDiscoveryFailure: ['ResourcesDiscovered', 'All resources successfully discovered'],
  NamespaceDeletionGroupVersionParsingFailure: ['ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  NamespaceDeletionContentFailure: ['ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
  NamespaceContentRemaining: ['ContentRemoved', 'All content successfully removed'],
  NamespaceFinalizersRemaining: ['ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
} as const;

const listed = (counts: ReadonlyMap<string, number>, word: string) =>
  [...counts]
    .map(([name, count]) => `${name} ${word} ${count} resource instances`)
    .sort()
    .join(', ');

function trouble(type: keyof typeof SUCCESS, found: Emptying): [string, string] | undefined {
  switch (type) {
    case 'NamespaceDeletionDiscoveryFailure':
      return found.discoveryError ? ['DiscoveryFailed', found.discoveryError] : undefined;
    case 'NamespaceDeletionContentFailure':
      return found.errors.length > 0
        ? [
            'ContentDeletionFailed',
            `Failed to delete all resource types, ${found.errors.length} remaining: ${[...found.errors].sort().join(', ')}`,
          ]
        : undefined;
    case 'NamespaceContentRemaining':
      return found.remaining.size > 0
        ? ['SomeResourcesRemain', `Some resources are remaining: ${listed(found.remaining, 'has')}`]
        : undefined;
    case 'NamespaceFinalizersRemaining':
      return found.finalizers.size > 0
        ? ['SomeFinalizersRemain', `Some content in the namespace has finalizers remaining: ${listed(found.finalizers, 'in')}`]
        : undefined;
    default:
      return undefined;
  }
}

/** The namespace's conditions after an attempt; the same array when nothing changed. */
export function emptyingConditions(
  before: readonly corev1.NamespaceCondition[],
  found: Emptying,
  nowMs: number,
): readonly corev1.NamespaceCondition[] {
  let changed = false;
  const after = [...before];
  for (const type of Object.keys(SUCCESS) as (keyof typeof SUCCESS)[]) {
    const bad = trouble(type, found);
    const [reason, message] = bad ?? SUCCESS[type];
    const status = bad ? 'True' : 'False';
    const index = after.findIndex((condition) => condition.type === type);
    const old = after[index];
    if (old && old.status === status && old.reason === reason && old.message === message) continue;
    changed = true;
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : timeText(nowMs);
    const condition = { type, status, lastTransitionTime, reason, message };
    if (old) after[index] = condition;
    else after.push(condition);
  }
  return changed ? after : before;
}
