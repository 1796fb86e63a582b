// The scheduler remembers answers and counts; a judge that looks at everything anew must agree with every placement.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { labelSelectorMatcher } from '@tiphys/machinery';
import fc from 'fast-check';
import { RememberedAnswers } from './framework/local-answers.ts';
import { pick } from './pick.ts';
import { defaultPlugins } from './plugins/index.ts';
import { node, pod, snapshotOfWorld, worldOf } from './testing/snapshot.ts';
import { podInfo } from './world/infos.ts';

const plugins = defaultPlugins();
const term = (app: string, topologyKey: string) => ({ topologyKey, labelSelector: { matchLabels: { app } } });
const required = (app: string, topologyKey: string) => ({ requiredDuringSchedulingIgnoredDuringExecution: [term(app, topologyKey)] });
const preferred = (app: string, topologyKey: string) => ({
  preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, podAffinityTerm: term(app, topologyKey) }],
});

const app = fc.constantFrom('web', 'db', 'job');
const key = fc.constantFrom('zone', 'kubernetes.io/hostname');
type Wanted = Partial<corev1.PodSpec> & { cpu?: string };
const spec = fc.oneof<fc.Arbitrary<Wanted>[]>(
  fc.constantFrom({}, { cpu: '1' }, { cpu: '3' }),
  fc.record({ cpu: fc.constantFrom('500m', '2'), tolerations: fc.constant<corev1.Toleration[]>([{ key: 'k', operator: 'Exists' }]) }),
  fc.record({ nodeSelector: fc.record({ zone: fc.constantFrom('a', 'b') }) }),
  fc.tuple(app, key).map(([of, by]) => ({ affinity: { podAntiAffinity: required(of, by) } })),
  fc.tuple(app, key).map(([of, by]) => ({ affinity: { podAffinity: required(of, by) } })),
  fc.tuple(app, key).map(([of, by]) => ({ affinity: { podAntiAffinity: preferred(of, by) } })),
  fc.tuple(app, key, fc.constantFrom('DoNotSchedule', 'ScheduleAnyway')).map(([of, topologyKey, whenUnsatisfiable]) => ({
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey, whenUnsatisfiable, labelSelector: { matchLabels: { app: of } } }],
  })),
);

const NODES = [
  node('n1', { cpu: '4', labels: { zone: 'a' } }),
  node('n2', { cpu: '4', labels: { zone: 'a' }, taints: [{ key: 'k', effect: 'NoSchedule' }] }),
  node('n3', { cpu: '8', labels: { zone: 'b' } }),
  node('n4', { cpu: '2' }),
  node('n5', { cpu: '8', labels: { zone: 'c' }, unschedulable: true }),
];

type Placed = readonly (readonly [corev1.Pod, string])[];
const sharesDomain = (a: corev1.Node, b: corev1.Node, topologyKey: string) =>
  a.metadata!.labels![topologyKey] !== undefined && a.metadata!.labels![topologyKey] === b.metadata!.labels![topologyKey];
const nodeNamed = (name: string) => NODES.find((n) => n.metadata!.name === name)!;
const matches = (t: corev1.PodAffinityTerm, p: corev1.Pod) => labelSelectorMatcher(t.labelSelector).matches(p.metadata!.labels!);

/** Written from the documentation, without any of the scheduler's code: may the pod be on the node? */
function allowed(p: corev1.Pod, n: corev1.Node, placed: Placed): boolean {
  if (n.spec?.unschedulable) return false;
  if (n.spec?.taints?.length && !p.spec!.tolerations?.length) return false;
  const selector = Object.entries(p.spec!.nodeSelector ?? {});
  if (!selector.every(([k, v]) => n.metadata!.labels![k] === v)) return false;
  const milli = (one: corev1.Pod) => {
    const text = one.spec!.containers[0]!.resources?.requests?.cpu ?? '0';
    return text.endsWith('m') ? Number.parseInt(text, 10) : Number(text) * 1000;
  };
  const used = placed.filter(([, name]) => name === n.metadata!.name).reduce((sum, [one]) => sum + milli(one), 0);
  if (used + milli(p) > Number(n.status!.allocatable!.cpu) * 1000) return false;
  const near = p.spec!.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  for (const t of near) {
    if (n.metadata!.labels![t.topologyKey] === undefined) return false;
    const anywhere = placed.some(([other, at]) => matches(t, other) && nodeNamed(at).metadata!.labels![t.topologyKey] !== undefined);
    const here = placed.some(([other, at]) => matches(t, other) && sharesDomain(nodeNamed(at), n, t.topologyKey));
    if (!here && (anywhere || !matches(t, p))) return false;
  }
  const hates = (own: corev1.Pod, other: corev1.Pod, at: string) =>
    (own.spec!.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).some(
      (t) => matches(t, other) && sharesDomain(nodeNamed(at), n, t.topologyKey),
    );
  if (placed.some(([other, at]) => hates(p, other, at) || hates(other, p, at))) return false;
  return (p.spec!.topologySpreadConstraints ?? [])
    .filter((c) => c.whenUnsatisfiable === 'DoNotSchedule')
    .every((c) => {
      if (n.metadata!.labels![c.topologyKey] === undefined) return false;
      const eligible = NODES.filter(
        (one) => one.metadata!.labels![c.topologyKey] !== undefined && selector.every(([k, v]) => one.metadata!.labels![k] === v),
      );
      const selected = (one: corev1.Pod) => labelSelectorMatcher(c.labelSelector).matches(one.metadata!.labels!);
      const count = (value: string) =>
        placed.filter(
          ([other, at]) => selected(other) && eligible.includes(nodeNamed(at)) && nodeNamed(at).metadata!.labels![c.topologyKey] === value,
        ).length;
      const counts = [...new Set(eligible.map((one) => one.metadata!.labels![c.topologyKey]!))].map(count);
      return count(n.metadata!.labels![c.topologyKey]!) + (selected(p) ? 1 : 0) - Math.min(...counts) <= c.maxSkew;
    });
}

test('every placement is one that the rules allow, a refused pod fits nowhere, and memory changes nothing', () => {
  const step = fc.record({ spec, app, chance: fc.double({ min: 0, max: 0.99, noNaN: true }), leaves: fc.option(fc.nat(9)) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      const world = worldOf(NODES);
      const snapshot = snapshotOfWorld(world);
      const remembered = new RememberedAnswers(plugins);
      let placed: [corev1.Pod, string][] = [];
      for (const [index, { spec: wanted, app: label, chance, leaves }] of steps.entries()) {
        const p = pod(`p${index}`, wanted, { app: label });
        const options = { start: index % NODES.length, chance };
        const result = pick(podInfo(p), snapshot, plugins, { ...options, remembered });
        const anew = snapshotOfWorld(worldOf(NODES, placed));
        const again = pick(podInfo(p), anew, plugins, options);
        assert.equal('node' in result ? result.node.name : '', 'node' in again ? again.node.name : '');
        const fitting = NODES.filter((n) => allowed(p, n, placed)).map((n) => n.metadata!.name);
        if ('node' in result) {
          assert.ok(fitting.includes(result.node.name), `${result.node.name} is not allowed`);
          placed.push([p, result.node.name]);
          world.place(podInfo(p), result.node.name);
        } else assert.deepEqual(fitting, []);
        const gone = leaves === null ? undefined : placed[leaves];
        if (!gone) continue;
        placed = placed.filter((one) => one !== gone);
        world.remove(gone[0].metadata!.uid!);
      }
    }),
    { numRuns: 200 },
  );
});
