// Upstream's whole attempts at preemption as facts: TestPostFilter and TestPreempt (plugins/defaultpreemption default_preemption_test.go)
// and TestCallExtenders (framework/preemption preemption_test.go) of v1.36.3. Extenders are asked in their own form. Cases that need the
// gates TopologyAwareWorkloadScheduling or WorkloadAwarePreemption, which are off, are left out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, policyv1 } from '@tiphys/api';
import { type Extender, type ExtenderConfiguration, extender, preemptedByExtenders, preemptingExtenders } from './extender.ts';
import type { Plugin } from './framework/plugin.ts';
import { defaultPlugins } from './plugins/index.ts';
import { type PreemptionCandidate, type PreemptionOutcome, preemptionAmong, preemptionCandidates } from './preempt.ts';
import cases from './preempt-runs.json' with { type: 'json' };
import { snapshotOfWorld, worldOf } from './testing/snapshot.ts';
import { podInfo } from './world/infos.ts';

interface Shape {
  name: string;
  node?: string;
  namespace?: string;
  priority?: number;
  /** Thousandths of a core, and as many bytes. */
  size?: number;
  labels?: Record<string, string>;
  spread?: string[];
  policy?: string;
  group?: string;
}

type Says = 'all' | 'node1' | 'none' | 'error';

interface Case {
  name: string;
  pod: Shape;
  pods: Shape[];
  /** What it offers, by name; `host/zone` for labels. */
  nodes: Record<string, { cpu?: string; memory?: string; pods?: string; error?: true }>;
  /** Nodes that others leaving may make fit. */
  resolvable?: string[];
  budgets?: { label: string; allowed: number }[];
  extenders?: { says: Says; ignorable?: true; uninterested?: true }[];
  node?: string;
  victims?: string[];
  reason?: string;
  takesBack?: true;
}

const EVICTING = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' };

function podOf(shape: Shape, evicting = false): corev1.Pod {
  const { name, namespace = 'default', priority = 0, size, labels = {}, spread = [], policy, group } = shape;
  const requests = size ? { cpu: `${size}m`, memory: `${size}` } : {};
  return {
    metadata: { name, namespace, uid: name, labels, ...(evicting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: {
      containers: [{ name: 'c', resources: { requests } }],
      priority,
      ...(policy ? { preemptionPolicy: policy } : {}),
      ...(group ? { schedulingGroup: { podGroupName: group } } : {}),
      topologySpreadConstraints: spread.map((topologyKey) => ({
        ...{ topologyKey, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' },
        labelSelector: { matchExpressions: [{ key: 'foo', operator: 'Exists' }] },
      })),
    } as corev1.PodSpec,
    ...(evicting ? { status: { conditions: [EVICTING] } } : {}),
  };
}

function nodesOf(nodes: Case['nodes']): corev1.Node[] {
  return Object.entries(nodes).map(([name, { error, ...offered }]) => {
    const [hostname = '', zone] = name.split('/');
    const labels = { hostname, ...(zone ? { zone } : {}), ...(error ? { error: 'true' } : {}) };
    return { metadata: { name: hostname, labels }, status: { allocatable: { pods: '32', ...offered } } };
  });
}

const LABEL = 'test.kubernetes.io/is-violating-pdb';
const budgetOf = ({ label, allowed }: { label: string; allowed: number }): policyv1.PodDisruptionBudget => ({
  metadata: { name: label, namespace: 'default' },
  spec: { selector: { matchLabels: { [LABEL]: label } } },
  status: { disruptionsAllowed: allowed } as policyv1.PodDisruptionBudgetStatus,
});

/** Fails on nodes labelled so when it is told of a pod that leaves. */
const testPlugin: Plugin = {
  name: 'test-plugin',
  events: {},
  preFilter: () => ({ state: {} }),
  filter: () => undefined,
  afterChange: (state, pod, { node, by }) => {
    if (node.node.metadata?.labels?.error === 'true') {
      throw new Error(`failed to ${by === 1 ? 'add' : 'remove'} pod: ${pod.pod.metadata?.name}`);
    }
    return state;
  },
};
const plugins = [...defaultPlugins(), testPlugin];

type Victims = Record<string, { Pods: unknown[]; NumPDBViolations: number }>;

const configured = (ignorable = false, uninterested = false): ExtenderConfiguration => ({
  ...{ urlPrefix: 'http://x', httpTimeoutMs: 1000, nodeCacheCapable: true, preemptVerb: 'preempt', ignorable },
  ...(uninterested ? { managedResources: ['example.com/none'] } : {}),
});

/** Lets those nodes through that it has nothing against. */
const extenderThat = ({ says, ignorable, uninterested }: NonNullable<Case['extenders']>[number]): Extender =>
  extender(configured(ignorable, uninterested), async (_url, body) => {
    if (says === 'error') throw new Error('some error');
    const victims = (body as { NodeNameToMetaVictims: Victims }).NodeNameToMetaVictims;
    const kept = Object.entries(victims).filter(([name]) => says === 'all' || (says === 'node1' && name === 'node1'));
    return { NodeNameToMetaVictims: Object.fromEntries(kept) };
  });

async function attempt(one: Case, pod: corev1.Pod, evicted: readonly string[] = []): Promise<PreemptionOutcome> {
  const nodes = nodesOf(one.nodes);
  const placed = one.pods.map((shape) => [podOf(shape, evicted.includes(shape.name)), shape.node!] as const);
  const snapshot = snapshotOfWorld(worldOf(nodes, placed), { budgets: () => (one.budgets ?? []).map(budgetOf) });
  const resolvable = one.resolvable ?? nodes.map(({ metadata }) => metadata!.name!);
  const refusals = new Map(resolvable.map((name) => [name, { reasons: [], unresolvable: false, plugin: 'Any' }]));
  const info = podInfo(pod);
  const found = preemptionCandidates(info, { refusals, nodeCount: nodes.length }, snapshot, plugins);
  if ('reason' in found) return found;
  const asked = preemptingExtenders(pod, (one.extenders ?? []).map(extenderThat));
  return preemptionAmong(await preemptedByExtenders(info, found.candidates, snapshot, asked));
}

function shown(outcome: PreemptionOutcome) {
  if (!('preemption' in outcome)) return { reason: outcome.reason, takesBack: outcome.isFinal ?? false };
  const { nodeName, victims } = outcome.preemption;
  return { node: nodeName, victims: victims.map(({ pod }) => pod.metadata!.name).sort() };
}

for (const one of [...cases.postFilter, ...cases.preempt] as unknown as Case[]) {
  test(`an attempt: ${one.name}`, async () => {
    const pod = podOf(one.pod);
    const outcome = await attempt(one, pod);
    const expected = one.node
      ? { node: one.node, victims: one.victims ?? one.pods.filter(({ node }) => node === one.node).map(({ name }) => name) }
      : { reason: one.reason, takesBack: one.takesBack ?? false };
    assert.deepEqual(shown(outcome), expected);
    if (!one.node) return;
    // Once the victims are on their way out, the pod waits for them and keeps what it was promised.
    const promised = { ...pod, status: { nominatedNodeName: one.node } };
    const again = await attempt(one, promised, (expected as { victims: string[] }).victims);
    assert.deepEqual(shown(again), { reason: 'not eligible due to a terminating pod on the nominated node.', takesBack: false });
  });
}

interface Asked {
  name: string;
  extenders: { supports?: true; noVictims?: true; fails?: true; ignorable?: true }[];
  candidates: number;
  left?: number;
  error?: string;
}

for (const one of cases.extenders as Asked[]) {
  test(`extenders: ${one.name}`, async () => {
    const victim = podInfo(podOf({ name: 'victim', priority: 100 }));
    const pod = podInfo(podOf({ name: 'preemptor', priority: 1000 }));
    const snapshot = snapshotOfWorld(worldOf(nodesOf({ node1: { cpu: '500m', memory: '500' } }), [[victim.pod, 'node1']]));
    const candidates: PreemptionCandidate[] = one.candidates > 0 ? [{ nodeName: 'node1', victims: [victim], violations: 0 }] : [];
    const extenders = one.extenders.map(({ supports, noVictims, fails, ignorable }) => {
      const { preemptVerb, ...rest } = configured(ignorable);
      return extender({ ...rest, ...(supports ? { preemptVerb: preemptVerb! } : {}) }, async (_url, body) => {
        if (fails) throw new Error('extender preempt error');
        return noVictims ? { NodeNameToMetaVictims: { node1: {} } } : body;
      });
    });
    const left = preemptedByExtenders(pod, candidates, snapshot, preemptingExtenders(pod.pod, extenders));
    if (one.error) return assert.rejects(left, new Error(one.error));
    assert.deepEqual(await left, candidates.slice(0, one.left));
  });
}
