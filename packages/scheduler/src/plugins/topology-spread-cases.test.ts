// Upstream's tables of topology spread as facts (plugins/podtopologyspread filtering_test.go, scoring_test.go and plugin_test.go of
// v1.36.3): what is counted, which nodes fit, how they score, and what is worth another try.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { labelSelectorMatcher } from '@tiphys/machinery';
import { firstRefusal, prepare } from '../framework/judge.ts';
import type { Plugin, Snapshot } from '../framework/plugin.ts';
import { snapshotOfWorld, worldOf } from '../testing/snapshot.ts';
import { podInfo } from '../world/infos.ts';
import { podTopologySpread } from './topology-spread.ts';
import tables from './topology-spread-cases.json' with { type: 'json' };

type Given = { pod: any; nodes: any[]; placed?: any[]; owners?: any[] };

const plugin = podTopologySpread({ defaultingType: 'List' });
const podOf = (pod: any): corev1.Pod => ({
  ...pod,
  metadata: { uid: pod.metadata?.name, ...pod.metadata },
  spec: { containers: [], ...pod.spec },
});

/** Services and the like, as upstream's objects of the case have them. */
function ownersSelector(owners: readonly any[]): Snapshot['ownersSelector'] {
  const isLabelSelector = (one: any) => 'matchLabels' in one || 'matchExpressions' in one;
  return ({ metadata }) => {
    const own = owners.map((one) => (isLabelSelector(one) ? one : { matchLabels: one }));
    const about = own.filter((selector) => labelSelectorMatcher(selector).matches(metadata?.labels ?? {}));
    if (about.length === 0) return undefined;
    const matchers = about.map((selector) => labelSelectorMatcher(selector));
    return { key: JSON.stringify(about), matches: (labels) => matchers.every((one) => one.matches(labels)) };
  };
}

function worldFor({ nodes, placed = [], owners = [] }: Given) {
  const pods = placed.map((one) => [podOf(one), one.spec.nodeName] as const);
  return snapshotOfWorld(worldOf(nodes, pods), { ownersSelector: ownersSelector(owners) });
}

/** By constraint: how many pods each domain counts. */
function counts(snapshot: Snapshot, state: any): { topologyKey: string; counts: Record<string, number> }[] {
  return state.map(({ constraint, tally, moved }: any) => {
    const found: Record<string, number> = {};
    for (const node of snapshot.nodes) {
      const domain = tally.domain(node);
      const value = node.node.metadata?.labels?.[constraint.topologyKey];
      if (domain) found[value!] = domain.count + (moved.get(value) ?? 0);
    }
    return { topologyKey: constraint.topologyKey, counts: found };
  });
}

const all = <T>(name: string, cases: readonly T[], check: (one: T) => void) => {
  for (const one of cases) test(`${name}: ${(one as { name: string }).name}`, () => check(one));
};

all('fits', tables.filter as any[], (one) => {
  const snapshot = worldFor(one);
  const info = podInfo(podOf(one.pod));
  const prepared = prepare(info, snapshot, [plugin]);
  assert.ok(!('everywhere' in prepared));
  for (const [name, code] of Object.entries(one.codes)) {
    const refusal = firstRefusal(prepared.wide, info, snapshot.node(name)!);
    assert.equal(refusal ? (refusal.unresolvable ? 3 : 2) : 0, code, name);
  }
});

all('counts', tables.state as any[], (one) => {
  const snapshot = worldFor(one);
  const spread = one.defaults ? podTopologySpread({ defaultingType: 'List', defaultConstraints: one.defaults }) : plugin;
  const result = spread.preFilter!(podInfo(podOf(one.pod)), snapshot)!;
  if (one.skip) assert.equal(result.skip, true);
  else assert.deepEqual(counts(snapshot, result.state), one.want);
});

all('counts after a move', tables.moves as any[], (one) => {
  const before = one.by > 0 ? one.placed.filter((pod: any) => pod.metadata.name !== one.moved.metadata.name) : one.placed;
  const snapshot = worldFor({ ...one, placed: before });
  const info = podInfo(podOf(one.pod));
  const { state } = plugin.preFilter!(info, snapshot)!;
  const after = plugin.afterChange!(state, info, { pod: podInfo(podOf(one.moved)), node: snapshot.node(one.node)!, by: one.by });
  assert.deepEqual(counts(snapshot, after), one.want);
});

function scored(spread: Plugin, one: Given & { others?: any[] }) {
  const snapshot = worldFor({ ...one, nodes: [...one.nodes, ...(one.others ?? [])] });
  const info = podInfo(podOf(one.pod));
  const feasible = one.nodes.map((node) => snapshot.node(node.metadata.name)!);
  return { snapshot, info, feasible, state: spread.preScore!(info, feasible, snapshot, undefined) as any };
}

all('scores', tables.scores as any[], (one) => {
  const { info, feasible, state } = scored(podTopologySpread(), one);
  const scores = feasible.map((node) => (state === undefined ? 0 : plugin.score!(info, node, state)));
  if (state !== undefined) plugin.normalize!(scores, feasible, state);
  assert.deepEqual(Object.fromEntries(feasible.map(({ name }, index) => [name, scores[index]])), one.want);
});

all('weights', tables.weights as any[], (one) => {
  const given = { defaultingType: one.defaultingType ?? 'System', ...(one.defaults ? { defaultConstraints: one.defaults } : {}) };
  const { feasible, state } = scored(podTopologySpread(given), one);
  assert.deepEqual(
    state.constraints.map(({ weight }: any) => weight),
    one.weights,
  );
  const ignored = feasible.filter((node) => state.isIgnored(node)).map(({ name }) => name);
  assert.deepEqual(ignored.sort(), one.ignored);
});

test('without soft constraints it does not score: 2 cases', () => {
  const zoned = (name: string, labels: Record<string, string>) => ({ metadata: { name, labels }, status: { allocatable: { pods: '32' } } });
  const nodes = [zoned('node-a', { 'kubernetes.io/hostname': 'node-a' }), zoned('node-b', { 'kubernetes.io/hostname': 'node-b' })];
  const prepared = (given: Parameters<typeof podTopologySpread>[0], one: Given) => {
    const snapshot = worldFor(one);
    return podTopologySpread(given).preScore?.(podInfo(podOf(one.pod)), snapshot.nodes, snapshot, undefined);
  };
  const pod = { metadata: { name: 'p', namespace: 'default' } };
  assert.equal(prepared({ defaultingType: 'List' }, { pod, nodes }), undefined);
  const labelled = { metadata: { ...pod.metadata, labels: { foo: 'bar', baz: 'sup' } } };
  const defaultConstraints = [{ maxSkew: 2, topologyKey: 'planet', whenUnsatisfiable: 'ScheduleAnyway' }];
  const owners = [{ matchExpressions: [{ key: 'tar', operator: 'Exists' }] }];
  const mars = { pod: labelled, nodes: [zoned('node-a', { planet: 'mars' })], owners };
  assert.equal(prepared({ defaultingType: 'List', defaultConstraints }, mars), undefined);
});

// A try too many is allowed, a missed one is not.
all('after a pod changed', tables.podHints as any[], (one) => {
  const pod = { ...(one.old ? { old: podOf(one.old) } : {}), ...(one.new ? { new: podOf(one.new) } : {}) };
  const event = one.old ? (one.new ? 'PodUpdated' : 'PodDeleted') : 'PodAdded';
  const hint = plugin.events[event];
  const helps = typeof hint === 'function' ? hint(podOf(one.pod), { event, pod }) : Boolean(hint);
  if (one.helps) assert.equal(helps, true);
});

all('after a node changed', tables.nodeHints as any[], (one) => {
  const event = one.old ? (one.new ? 'NodeUpdated' : 'NodeDeleted') : 'NodeAdded';
  const hint = plugin.events[event];
  const node = { ...(one.old ? { old: one.old } : {}), ...(one.new ? { new: one.new } : {}) };
  const helps = typeof hint === 'function' ? hint(podOf(one.pod), { event, node }) : Boolean(hint);
  if (one.helps) assert.equal(helps, true);
});
