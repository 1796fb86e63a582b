// Upstream's cases of preemption that somebody judges in a way of their own, as facts (TestCustomSelection and TestCustomOrdering in
// plugins/defaultpreemption default_preemption_test.go, TestDryRunPreemption and TestSelectCandidate in framework/preemption
// preemption_test.go of v1.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, policyv1 } from '@tiphys/api';
import { defaultPlugins } from './plugins/index.ts';
import { type PreemptionJudgement, preempt, preemptionCandidates } from './preempt.ts';
import { snapshotOfWorld, worldOf } from './testing/snapshot.ts';
import { podInfo } from './world/infos.ts';

const PRIORITY = { low: 0, mid: 100, high: 1000 } as const;
/** Thousandths of a core, and as many bytes. */
const SIZE = { small: 100, medium: 200, large: 300, veryLarge: 500 } as const;

interface Facts {
  priority: keyof typeof PRIORITY;
  size?: keyof typeof SIZE;
  node?: string;
  labels?: Record<string, string>;
  started?: number;
  containers?: number;
}

function podOf(name: string, { priority, size, labels = {}, started = 0, containers = 1 }: Facts): corev1.Pod {
  const requests = size ? { cpu: `${SIZE[size]}m`, memory: `${SIZE[size]}` } : {};
  return {
    metadata: { name, namespace: 'default', uid: name, labels },
    spec: {
      containers: Array.from({ length: containers }, (_, index) => ({
        name: `c${index}`,
        ...(index === 0 ? { resources: { requests } } : {}),
      })),
      priority: PRIORITY[priority],
    } as corev1.PodSpec,
    status: { startTime: new Date(started).toISOString() },
  };
}

interface World {
  pods: Record<string, Facts>;
  nodes: number;
  /** What each node offers; a very large pod fits by default. */
  offers?: Record<string, string>;
  budgets?: policyv1.PodDisruptionBudget[];
}

function worldFor({ pods, nodes, offers = { cpu: '500m', memory: '500', pods: '32' }, budgets = [] }: World) {
  const names = Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
  const all = names.map((name) => ({ metadata: { name }, status: { allocatable: offers } }));
  const placed = Object.entries(pods).map(([name, facts]) => [podOf(name, facts), facts.node!] as const);
  const refusals = new Map(names.map((name) => [name, { reasons: ['full'], unresolvable: false, plugin: 'Any' }]));
  return { snapshot: snapshotOfWorld(worldOf(all, placed), { budgets: () => budgets }), diagnosis: { refusals, nodeCount: nodes } };
}

function candidatesFor(pod: Facts, world: World, judgement: PreemptionJudgement = {}) {
  const { snapshot, diagnosis } = worldFor(world);
  const found = preemptionCandidates(podInfo(podOf('p', pod)), diagnosis, snapshot, defaultPlugins(), { judgement });
  return 'reason' in found ? [] : found.candidates;
}

const victimsFor = (pod: Facts, world: World, judgement: PreemptionJudgement) =>
  Object.fromEntries(
    candidatesFor(pod, world, judgement).map(({ nodeName, victims }) => [nodeName, victims.map((one) => one.pod.metadata!.name!).sort()]),
  );

const LABELLED: World = {
  nodes: 4,
  pods: {
    v1: { priority: 'mid', size: 'large', node: 'node1', labels: { preemptible: 'no' } },
    v2: { priority: 'mid', size: 'large', node: 'node2', labels: { preemptible: 'yes' } },
    v3: { priority: 'low', size: 'large', node: 'node3', labels: { preemptible: 'yes' } },
    v4: { priority: 'low', size: 'large', node: 'node4' },
  },
};
const crowded = (first: keyof typeof SIZE): World => ({
  nodes: 3,
  pods: {
    v1: { priority: 'high', size: first, node: 'node1' },
    v2: { priority: 'mid', size: 'small', node: 'node1' },
    v3: { priority: 'low', size: 'small', node: 'node1' },
    v4: { priority: 'mid', size: 'large', node: 'node2' },
    v5: { priority: 'low', size: 'large', node: 'node3' },
  },
});
const GRADED: World = {
  nodes: 3,
  pods: {
    v1: { priority: 'high', size: 'large', node: 'node1' },
    v2: { priority: 'mid', size: 'large', node: 'node2' },
    v3: { priority: 'low', size: 'large', node: 'node3' },
  },
};
const byLabel: PreemptionJudgement = { isEligible: (_node, { pod }) => pod.metadata?.labels?.preemptible === 'yes' };
const byNode: PreemptionJudgement = { isEligible: ({ name }) => name === 'node1' };
const onlyHigh: PreemptionJudgement = { isEligible: (_node, _victim, pod) => pod.priority >= PRIORITY.high };
const uptoMid: PreemptionJudgement = { isEligible: (_node, victim) => victim.priority <= PRIORITY.mid };

const SELECTIONS: readonly [keyof typeof PRIORITY, World, PreemptionJudgement, Record<string, string[]>][] = [
  ['high', LABELLED, byLabel, { node2: ['v2'], node3: ['v3'] }],
  ['mid', LABELLED, byLabel, { node3: ['v3'] }],
  ['low', LABELLED, byLabel, {}],
  ['high', crowded('medium'), byNode, { node1: ['v2', 'v3'] }],
  ['mid', crowded('small'), byNode, { node1: ['v3'] }],
  ['low', crowded('small'), byNode, {}],
  ['high', GRADED, onlyHigh, { node2: ['v2'], node3: ['v3'] }],
  ['mid', GRADED, onlyHigh, {}],
  ['high', GRADED, uptoMid, { node2: ['v2'], node3: ['v3'] }],
];
test(`who may be driven out: ${SELECTIONS.length} cases`, () => {
  for (const [priority, world, judgement, expected] of SELECTIONS)
    assert.deepEqual(victimsFor({ priority, size: 'large' }, world, judgement), expected, `${priority} ${Object.keys(world.pods)}`);
});

test('who is kept rather: 2 cases', () => {
  const order = (pods: Record<string, Facts>, compareVictims: PreemptionJudgement['compareVictims']) => {
    const [only, ...others] = candidatesFor({ priority: 'high', size: 'large' }, { nodes: 1, pods }, { compareVictims: compareVictims! });
    assert.equal(others.length, 0);
    return only?.victims.map(({ pod }) => pod.metadata!.name);
  };
  const pod = (priority: 'low' | 'mid', started = 0): Facts => ({ priority, size: 'medium', node: 'node1', started });
  const startedMs = (one: { pod: corev1.Pod }) => Date.parse(one.pod.status!.startTime!);
  const oldest = order({ v1: pod('low', 2), v2: pod('low', 0), v3: pod('mid', 1) }, (a, b) => startedMs(a) - startedMs(b));
  assert.deepEqual(oldest, ['v3', 'v1']);
  const byName = order({ foo: pod('low'), bar: pod('low'), baz: pod('mid') }, (a, b) =>
    a.pod.metadata!.name! < b.pod.metadata!.name! ? -1 : 1,
  );
  assert.deepEqual(byName, ['baz', 'foo']);
});

test('budgets that are broken on each node: 2 cases', () => {
  const pods: Record<string, Facts> = { p1: { priority: 'mid', node: 'node1' }, p2: { priority: 'mid', node: 'node2' } };
  const budget = {
    metadata: { name: 'all', namespace: 'default' },
    spec: { selector: { matchExpressions: [{ key: 'free', operator: 'DoesNotExist' }] } },
  };
  for (const [budgets, violations] of [
    [[], 0],
    [[{ ...budget, status: { disruptionsAllowed: 0 } } as unknown as policyv1.PodDisruptionBudget], 1],
  ] as const) {
    const found = candidatesFor(
      { priority: 'high' },
      { nodes: 2, pods, offers: { cpu: '1', memory: '1Gi', pods: '1' }, budgets: [...budgets] },
    );
    const shown = found.map(({ nodeName, victims, violations: broken }) => [
      nodeName,
      victims.map(({ pod }) => pod.metadata!.name),
      broken,
    ]);
    assert.deepEqual(shown.sort(), [
      ['node1', ['p1'], violations],
      ['node2', ['p2'], violations],
    ]);
  }
});

test('the candidate by a score of their own: 1 case', () => {
  const victim = (node: string, containers: number): Facts => ({ priority: 'mid', node, containers });
  const world = { nodes: 3, pods: { 'p1.1': victim('node1', 2), 'p2.1': victim('node2', 1), 'p3.1': victim('node3', 3) } };
  const { snapshot, diagnosis } = worldFor({ ...world, offers: { cpu: '500m', memory: '500', pods: '1' } });
  const containers = ({ victims }: { victims: readonly { pod: corev1.Pod }[] }) => victims[0]!.pod.spec!.containers.length;
  const judgement: PreemptionJudgement = { compareCandidates: (a, b) => containers(a) - containers(b) };
  const found = preempt(podInfo(podOf('p', { priority: 'high', size: 'veryLarge' })), diagnosis, snapshot, defaultPlugins(), { judgement });
  assert.equal('preemption' in found && found.preemption.nodeName, 'node2');
});
