// Upstream's tables of preemption as facts (plugins/defaultpreemption default_preemption_test.go, framework/preemption
// preemption_test.go of v1.36.3): victims on each node, the node that is chosen, budgets, and who may not try.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import type { Plugin } from './framework/plugin.ts';
import { defaultPlugins } from './plugins/index.ts';
import { DEFAULT_PREEMPTION, preempt, preemptionCandidates, splitByBudgets } from './preempt.ts';
import tables from './preempt-cases.json' with { type: 'json' };
import { snapshotOfWorld, worldOf } from './testing/snapshot.ts';
import { podInfo } from './world/infos.ts';

const podOf = (pod: any): corev1.Pod => ({
  ...pod,
  metadata: { uid: pod.metadata.name, namespace: 'default', ...pod.metadata },
  spec: { ...pod.spec, containers: pod.spec?.containers ?? [{ name: 'c' }] },
});

const inDefault = (budget: any) => ({ ...budget, metadata: { namespace: 'default', ...budget.metadata } });

/** Every node may do, as upstream's tests have it. */
const diagnosisOf = (nodes: any[], unresolvable = false) => ({
  refusals: new Map(nodes.map(({ metadata }) => [metadata.name, { reasons: ['full'], unresolvable, plugin: 'Any' }])),
  nodeCount: nodes.length,
});

const worldFor = ({ nodes, placed = [], budgets = [] }: { nodes: any[]; placed?: any[]; budgets?: any[] }) =>
  snapshotOfWorld(
    worldOf(
      nodes,
      placed.map((pod) => [podOf(pod), pod.spec.nodeName] as const),
    ),
    { budgets: () => budgets.map(inDefault) },
  );

const refusing = (code: number): Plugin[] =>
  code === 0 ? [] : [{ name: 'Fake', events: {}, filter: () => ({ reasons: ['never'], unresolvable: code === 3 }) }];

for (const one of tables.dryRuns as any[]) {
  test(`victims: ${one.name}`, () => {
    const snapshot = worldFor(one);
    const plugins = [...refusing(one.code), ...defaultPlugins()];
    for (const [cycle, pod] of one.pods.entries()) {
      const given = { arguments: { ...DEFAULT_PREEMPTION, ...one.args } };
      const found = preemptionCandidates(podInfo(podOf(pod)), diagnosisOf(one.nodes), snapshot, plugins, given);
      const candidates = 'reason' in found ? [] : found.candidates;
      const shown = candidates.map(({ nodeName, victims, violations }) => ({
        node: nodeName,
        victims: victims.map((victim) => victim.pod.metadata!.name).sort(),
        violations,
      }));
      const expected = one.expected[cycle];
      // Where the search begins is chance with a seed of upstream's own: as many nodes are enough, whichever they are.
      if (one.args) assert.equal(shown.length >= expected.length && shown.some(({ violations }) => violations === 0), true);
      else
        assert.deepEqual(
          shown.sort((a, b) => (a.node < b.node ? -1 : 1)),
          expected,
        );
    }
  });
}

for (const one of tables.best as any[]) {
  test(`the node: ${one.name}`, () => {
    const found = preempt(podInfo(podOf(one.pod)), diagnosisOf(one.nodes), worldFor(one), defaultPlugins());
    assert.ok('preemption' in found);
    assert.ok(one.expected.includes(found.preemption.nodeName), found.preemption.nodeName);
  });
}

for (const one of tables.budgets as any[]) {
  test(`budgets: ${one.name}`, () => {
    const names = (victims: any[] | null | undefined) =>
      (victims ?? []).flatMap(({ pods }) => pods.map(({ Pod }: any) => Pod.metadata.name));
    const infos = one.victims.flatMap(({ pods }: any) => pods.map(({ Pod }: any) => podInfo(podOf(Pod))));
    const { violating, rest } = splitByBudgets(infos, one.budgets.map(inDefault));
    const shown = (list: readonly { pod: corev1.Pod }[]) => list.map(({ pod }) => pod.metadata!.name);
    assert.deepEqual([shown(violating), shown(rest)], [names(one.violating), names(one.rest)]);
  });
}

for (const one of tables.eligible as any[]) {
  test(`may try: ${one.name}`, () => {
    const found = preempt(podInfo(podOf(one.pod)), diagnosisOf(one.nodes, one.unresolvable), worldFor(one), defaultPlugins());
    assert.equal('reason' in found && found.reason.startsWith('not eligible'), !one.expected);
  });
}
