// Upstream's tables of rolling arithmetic as facts (pkg/controller/deployment rolling_test.go, sync_test.go and
// util/deployment_util_test.go of v1.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { appsv1 } from '@tiphys/api';
import { at, deployment, nowAt, replicaSet } from '../testing/objects.ts';
import type { Draft } from './draft.ts';
import { newSetSize } from './new-replica-set.ts';
import { maxSurge, maxUnavailable } from './numbers.ts';
import { cleanUp, dropAvailable, dropUnhealthy, scaleNewSet, scaleOldSets } from './rollout.ts';
import { scale } from './scaling.ts';
import cases from './upstream-cases.json' with { type: 'json' };

type Value = number | string | null;

const rolling = (replicas: number, surge: Value, unavailable: Value, type = 'RollingUpdate'): appsv1.Deployment => {
  const limits = { ...(surge === null ? {} : { maxSurge: surge }), ...(unavailable === null ? {} : { maxUnavailable: unavailable }) };
  return deployment('foo', replicas, { strategy: { type, ...(type === 'RollingUpdate' ? { rollingUpdate: limits } : {}) } });
};

function setOf(name: string, replicas: number, available = 0, created = 0): appsv1.ReplicaSet {
  const set = replicaSet(name, replicas);
  set.metadata = { ...set.metadata, creationTimestamp: at(created) };
  set.status = { replicas, availableReplicas: available };
  return set;
}

const draftOf = (d: appsv1.Deployment, newSet: appsv1.ReplicaSet | undefined, oldSets: appsv1.ReplicaSet[]): Draft =>
  ({ world: { object: d, controlledBy: () => [] }, nowMs: nowAt(0), actions: [], d, newSet, oldSets }) as unknown as Draft;

/** Sizes that were written, by name. */
const sizes = ({ actions }: Draft): Record<string, number> =>
  Object.fromEntries(
    actions.flatMap((action) =>
      action.do === 'update' ? [[action.object.metadata!.name!, (action.object as appsv1.ReplicaSet).spec!.replicas!]] : [],
    ),
  );

const written = (draft: Draft, name: string): number | null => sizes(draft)[name] ?? null;

test(`the new ReplicaSet: ${cases.newSets.length + cases.newSizes.length} cases`, () => {
  for (const one of cases.newSets) {
    const draft = draftOf(rolling(one.replicas, one.surge, 0), setOf('new', one.new), [setOf('old', one.old)]);
    scaleNewSet(draft);
    assert.equal(written(draft, 'new'), one.expected, JSON.stringify(one));
  }
  for (const one of cases.newSizes) {
    const draft = draftOf(rolling(one.replicas, one.surge, 1, one.type), setOf('new', one.new), []);
    assert.equal(newSetSize(draft, one.new), one.expected, JSON.stringify(one));
  }
});

test(`old ReplicaSets: ${cases.oldSets.length + cases.unhealthy.length + cases.available.length} cases`, () => {
  for (const one of cases.oldSets) {
    const sets = [setOf('new', one.new, one.newAvailable), setOf('old', one.old, one.oldAvailable)] as const;
    const draft = draftOf(rolling(one.replicas, 0, one.unavailable), sets[0], [sets[1]]);
    scaleOldSets(draft);
    assert.equal(written(draft, 'old'), one.expected, JSON.stringify(one));
  }
  for (const one of cases.unhealthy) {
    const draft = draftOf(rolling(10, 2, 2), undefined, [setOf('old', one.old, one.available)]);
    dropUnhealthy(draft, one.most);
    assert.equal(one.old - (written(draft, 'old') ?? one.old), one.expected, JSON.stringify(one));
  }
  for (const one of cases.available) {
    const d = rolling(one.replicas, 0, one.unavailable);
    const draft = draftOf(d, setOf('new', 0), [setOf('old', one.old, one.available)]);
    dropAvailable(draft, one.replicas - maxUnavailable(d));
    assert.equal(written(draft, 'old'), one.expected, JSON.stringify(one));
  }
});

test(`scaling in proportion: ${cases.scales.length} cases`, () => {
  for (const one of cases.scales as any[]) {
    const before = rolling(one.before, one.beforeSurge, one.unavailable);
    const marked = ({ name, replicas, created, available }: any) => {
      const set = setOf(name, replicas, available, created);
      const desired = one.annotations[name] ?? one.before;
      set.metadata!.annotations = {
        'deployment.kubernetes.io/desired-replicas': String(desired),
        'deployment.kubernetes.io/max-replicas': String(desired + maxSurge(before)),
      };
      return set;
    };
    const d = rolling(one.replicas, one.surge, one.unavailable);
    d.status = { replicas: one.status };
    const draft = draftOf(d, one.new ? marked(one.new) : undefined, one.old.map(marked));
    scale(draft);
    const sizeOf = (set: any) => (one.unchanged.includes(set.name) ? set.replicas : (sizes(draft)[set.name] ?? set.replicas));
    assert.deepEqual(
      [one.new && one.expectedNew !== null ? sizeOf(one.new) : one.expectedNew, one.old.map(sizeOf)],
      [one.expectedNew, one.expectedOld],
      JSON.stringify(one),
    );
  }
});

test(`limits as numbers: ${cases.maxUnavailable.length + cases.fenceposts.length} cases`, () => {
  for (const one of cases.maxUnavailable as any[]) {
    assert.equal(maxUnavailable(rolling(one.replicas, one.surge, one.unavailable, one.type)), one.expected, JSON.stringify(one));
  }
  for (const one of cases.fenceposts) {
    const d = rolling(one.desired, one.surge, one.unavailable);
    assert.equal(maxSurge(d), one.expectedSurge, JSON.stringify(one));
    // Of no pods none can be unavailable, whatever the fencepost says.
    assert.equal(maxUnavailable(d), one.desired === 0 ? 0 : one.expectedUnavailable, JSON.stringify(one));
  }
});

test(`old revisions: ${cases.cleanUps.length} cases`, () => {
  for (const one of cases.cleanUps as any[]) {
    const d = deployment('foo', 1, { revisionHistoryLimit: one.limit });
    const sets = one.sets.map((each: any) => {
      const set = setOf(each.name, each.replicas, 0, each.created);
      if (each.revision !== null) set.metadata!.annotations = { 'deployment.kubernetes.io/revision': each.revision };
      if (each.deleting) set.metadata!.deletionTimestamp = at(0);
      set.metadata!.generation = each.generation;
      set.status = { replicas: each.status, observedGeneration: each.observed };
      return set;
    });
    const draft = draftOf(d, undefined, sets);
    cleanUp(draft);
    const deleted = draft.actions.flatMap((action) => (action.do === 'delete' ? [action.object.metadata!.name!] : [])).sort();
    if (one.names) assert.deepEqual(deleted, one.names, JSON.stringify(one));
    else assert.equal(deleted.length, one.count, JSON.stringify(one));
  }
});
