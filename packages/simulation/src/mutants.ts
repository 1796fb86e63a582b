// Faults planted on purpose, to see that the checks of the simulation can fail: a change of one line each, made while the file is
// loaded and never on disk. `npm run sim -- --mutants` plays stories against each until one breaks a promise.

export interface Mutant {
  name: string;
  /** Below packages/. */
  file: string;
  /** Occurs once in the file. */
  find: string;
  replace: string;
  /** What is wrong then. */
  why: string;
}

const CONTROLLERS: readonly Mutant[] = [
  {
    name: 'stale-cache',
    file: 'controllers/src/runtime/runner.ts',
    find: 'await this.#caughtUp(key);',
    replace: '',
    why: 'controllers plan before the cache shows what they wrote themselves',
  },
  {
    name: 'skipped-status',
    file: 'controllers/src/replicaset/replicas.ts',
    find: 'if (observed && semanticEqual(comparable(object.status), comparable(status))) return [];',
    replace: 'if (observed) return [];',
    why: 'a ReplicaSet does not say how many pods are ready',
  },
  {
    name: 'one-pod-too-many',
    file: 'controllers/src/replicaset/replicas.ts',
    find: 'const goners = podsToDelete(active, world.related(), Math.min(-missing, BURST_REPLICAS_MAX), nowMs);',
    replace: 'const goners = podsToDelete(active, world.related(), Math.min(-missing, BURST_REPLICAS_MAX) - 1, nowMs);',
    why: 'a ReplicaSet keeps one pod more than it should',
  },
  {
    name: 'counted-twice',
    file: 'controllers/src/job/tracking.ts',
    find: '} else if (!uncounted.succeeded.has(uidOf(pod))) count.lists.succeeded.push(uidOf(pod));',
    replace: '} else count.lists.succeeded.push(uidOf(pod));',
    why: 'a Job counts a pod again that waits to be counted',
  },
  {
    name: 'not-counted',
    file: 'controllers/src/job/tracking.ts',
    find: 'succeeded: (status.succeeded ?? 0) + lists.succeeded.length - left.succeeded.length,',
    replace: 'succeeded: (status.succeeded ?? 0) + Math.min(1, lists.succeeded.length - left.succeeded.length),',
    why: 'a Job counts one pod where several ended together',
  },
  {
    name: 'any-order',
    file: 'controllers/src/statefulset/replicas.ts',
    find: '    if (isDeleting(pod) || !isRunningAndReady(pod) || !isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)) return waits(before);',
    replace: '',
    why: 'a StatefulSet goes on to the next pod before this one is ready',
  },
  {
    name: 'old-endpoints',
    file: 'controllers/src/endpoint-slice/slices.ts',
    find: 'changed ||= kept.length !== (slice.endpoints?.length ?? 0);',
    replace: '',
    why: 'a slice keeps endpoints of pods that are gone',
  },
  {
    name: 'dropped-delete',
    file: 'controllers/src/garbage-collector/collector.ts',
    find: '    return this.#delete(node, type, latest, policy);',
    replace: '',
    why: 'what lost its owner is not deleted',
  },
  {
    name: 'orphan-on-delete',
    file: 'controllers/src/garbage-collector/collector.ts',
    find: ": 'Background';",
    replace: ": 'Orphan';",
    why: 'what is deleted with its owner leaves its own dependents behind',
  },
  {
    name: 'foreground-at-once',
    file: 'controllers/src/garbage-collector/collector.ts',
    find: 'if (blocking.length === 0) return',
    replace: 'return',
    why: 'an owner that is deleted in the foreground goes before its dependents',
  },
  {
    name: 'quota-not-released',
    file: 'controllers/src/resource-quota/resource-quota-controller.ts',
    find: 'if (status) await context.client',
    replace: 'if (status && !quota.status?.used) await context.client',
    why: 'a quota is counted once, and what goes is not given back',
  },
  {
    name: 'budget-forgotten',
    file: 'controllers/src/disruption/disruption-controller.ts',
    find: 'if (status) await client.of(policyv1.poddisruptionbudgets)',
    replace: 'if (status && !budget.status?.observedGeneration) await client.of(policyv1.poddisruptionbudgets)',
    why: 'the status of a disruption budget stays as it was first',
  },
  {
    name: 'silence-unnoticed',
    file: 'controllers/src/node-lifecycle/node-lifecycle-controller.ts',
    find: 'if (leftMs <= 0) {',
    replace: 'if (leftMs <= 0 && !ready) {',
    why: 'a node that was ready once is thought to be well for ever',
  },
  {
    name: 'pods-of-lost-nodes',
    file: 'controllers/src/pod-gc/pod-gc-controller.ts',
    find: 'if (!reason) return nodeName',
    replace: 'if (!reason || reason.condition) return nodeName',
    why: 'pods stay on nodes that are gone',
  },
];

const SERVER: readonly Mutant[] = [
  {
    name: 'forgotten-event',
    file: 'server/src/cache/watch-cache.ts',
    find: 'this.#undelivered.push(change);',
    replace: 'if (change.revision % 29 !== 0) this.#undelivered.push(change);',
    why: 'the watch cache does not tell an event',
  },
  {
    name: 'forgotten-history',
    file: 'server/src/cache/watch-cache.ts',
    find: 'this.#history.push(change);',
    replace: 'if (change.revision % 5 !== 0) this.#history.push(change);',
    why: 'a watch that goes on from a revision misses an event',
  },
  {
    name: 'repeated-event',
    file: 'server/src/cache/watch-cache.ts',
    find: 'if (this.#history[middle]!.revision <= revision) low = middle + 1;',
    replace: 'if (this.#history[middle]!.revision < revision) low = middle + 1;',
    why: 'a watch that goes on from a revision is told its last event again',
  },
  {
    name: 'unseen-departure',
    file: 'server/src/cache/watch-cache.ts',
    find: "return was ? new EntryEvent('DELETED', previous.at(change.revision)) : undefined;",
    replace: 'return undefined;',
    why: 'a watch with a selector does not hear of what leaves its selection',
  },
  {
    name: 'evicted-without-budget',
    file: 'registry/src/core/pod/eviction.ts',
    find: 'status.disruptionsAllowed = allowed - 1;',
    replace: 'status.disruptionsAllowed = allowed;',
    why: 'an eviction takes nothing from its budget',
  },
  {
    name: 'quota-not-charged',
    file: 'server/src/admission/resource-quota.ts',
    find: "for (const quota of updated) await client().update(corev1.resourcequotas, quota, 'status');",
    replace: '',
    why: 'what is created is not charged to its quota',
  },
  {
    name: 'lost-update',
    file: 'server/src/verbs/update.ts',
    find: '} else if (version !== BigInt(old.metadata!.resourceVersion!)) {',
    replace: '} else if (false) {',
    why: 'who writes with an old resourceVersion is not refused',
  },
];

const SCHEDULER: readonly Mutant[] = [
  {
    name: 'bound-to-deleted-node',
    file: 'scheduler/src/running/cluster-view.ts',
    find: 'world.removeNode(node.metadata!.name!);',
    replace: '',
    why: 'the scheduler places pods on nodes that are gone',
  },
  {
    name: 'overfull-node',
    file: 'scheduler/src/plugins/resources.ts',
    find: 'return reasons.length > 0 ? refuse(reasons, unresolvable) : undefined;',
    replace: 'return reasons.length > 1 ? refuse(reasons, unresolvable) : undefined;',
    why: 'the scheduler places a pod where one resource does not suffice',
  },
  {
    name: 'sleeping-pod',
    file: 'scheduler/src/plugins/resources.ts',
    find: 'PodDeleted: wasPlaced, ',
    replace: '',
    why: 'a pod that waits for room does not hear that some has come',
  },
];

export const MUTANTS: readonly Mutant[] = [...CONTROLLERS, ...SERVER, ...SCHEDULER];

/** The changed text. Throws when the mutant does not fit the file any more. */
export function mutated({ name, file, find, replace }: Mutant, source: string): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`mutant ${name}: its text occurs ${parts.length - 1} times in ${file}`);
  return parts.join(replace);
}
