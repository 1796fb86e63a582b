// When pods leave tainted nodes, in upstream's cases as facts (pkg/controller/tainteviction taint_eviction_test.go of v1.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import type { Action } from '../runtime/actions.ts';
import { nowAt } from '../testing/objects.ts';
import { planOf, snapshotOf } from '../testing/plan.ts';
import { taintEvictionController, toleratedSeconds } from './taint-eviction-controller.ts';

/** `1` is tolerated for ever, `1:100` for a hundred seconds. */
const toleration = (text: string): corev1.Toleration => {
  const [index, seconds] = text.split(':');
  return { key: `taint${index}`, value: 'v', effect: 'NoExecute', ...(seconds ? { tolerationSeconds: Number(seconds) } : {}) };
};

const podOf = (tolerations: readonly string[], nodeName?: string): corev1.Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'pod1', namespace: 'default', uid: 'uid' },
  spec: { containers: [], tolerations: tolerations.map(toleration), ...(nodeName ? { nodeName } : {}) } as corev1.PodSpec,
});

const nodeOf = (taints: readonly number[]): corev1.Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node1' },
  // Added long ago: that is not what the time is counted from.
  spec: { taints: taints.map((index) => ({ key: `taint${index}`, value: 'v', effect: 'NoExecute', timeAdded: '2020-01-01T00:00:00Z' })) },
});

const verb = (action: Action): string[] => {
  if (action.do === 'wake') return [`at ${(action.atMs - nowAt(0)) / 1000}`];
  if (action.do === 'event') return [action.message.split(' ')[0]!];
  return action.do === 'delete' ? ['deletes'] : [];
};

interface Step {
  /** Seconds since the beginning. */
  at?: number;
  taints: number[];
  tolerates?: string[];
  unscheduled?: true;
  does: string[];
}

const GOES = ['Marking', 'deletes'];
const CASES: Readonly<Record<string, Step[]>> = {
  'not scheduled': [{ taints: [1], unscheduled: true, does: [] }],
  'on a node without taints': [{ taints: [], does: [] }],
  'on a tainted node': [{ taints: [1], does: GOES }],
  'on a tainted node, tolerating for a while': [{ taints: [1], tolerates: ['1:100'], does: ['at 100'] }],
  'on a tainted node, tolerating for ever': [{ taints: [1], tolerates: ['1'], does: [] }],
  'tolerating another taint': [{ taints: [1], tolerates: ['2'], does: GOES }],
  'scheduled onto a tainted node': [
    { taints: [1], unscheduled: true, does: [] },
    { taints: [1], does: GOES },
  ],
  'scheduled onto a tainted node that it tolerates': [
    { taints: [1], unscheduled: true, tolerates: ['1'], does: [] },
    { taints: [1], tolerates: ['1'], does: [] },
  ],
  'its toleration is taken away': [
    { taints: [1], tolerates: ['1:100'], does: ['at 100'] },
    { at: 1, taints: [1], does: ['Cancelling', ...GOES] },
  ],
  'its toleration is made longer, in vain': [
    { taints: [1], tolerates: ['1:1'], does: ['at 1'] },
    { at: 0.5, taints: [1], tolerates: ['1:100'], does: ['at 1'] },
    { at: 1, taints: [1], tolerates: ['1:100'], does: GOES },
  ],
  'a taint comes': [
    { taints: [], does: [] },
    { taints: [1], does: GOES },
  ],
  'a taint comes that it tolerates': [
    { taints: [], tolerates: ['1:100'], does: [] },
    { at: 7, taints: [1], tolerates: ['1:100'], does: ['at 107'] },
  ],
  'two come and it tolerates one': [{ taints: [1, 2], tolerates: ['1:100'], does: GOES }],
  'the taint goes': [
    { taints: [1], tolerates: ['1:1'], does: ['at 1'] },
    { at: 0.5, taints: [], tolerates: ['1:1'], does: ['Cancelling'] },
    { at: 1.5, taints: [], tolerates: ['1:1'], does: [] },
  ],
  'the first of several tolerations runs out': [
    { taints: [1, 2], tolerates: ['1:1', '2:100'], does: ['at 1'] },
    { at: 1, taints: [1, 2], tolerates: ['1:1', '2:100'], does: GOES },
  ],
  'one of two taints goes, the other is tolerated for ever': [
    { taints: [], tolerates: ['1', '2:60'], does: [] },
    { taints: [1], tolerates: ['1', '2:60'], does: [] },
    { taints: [1, 2], tolerates: ['1', '2:60'], does: ['at 60'] },
    { taints: [1], tolerates: ['1', '2:60'], does: ['Cancelling'] },
  ],
  'after it was cancelled, counting begins anew': [
    { taints: [1], tolerates: ['1:10'], does: ['at 10'] },
    { at: 5, taints: [], tolerates: ['1:10'], does: ['Cancelling'] },
    { at: 8, taints: [1], tolerates: ['1:10'], does: ['at 18'] },
  ],
};

for (const [name, steps] of Object.entries(CASES)) {
  test(`a pod ${name}`, () => {
    const notes = new Map<string, unknown>();
    for (const { at = 0, taints, tolerates = [], unscheduled, does } of steps) {
      const pod = podOf(tolerates, unscheduled ? undefined : 'node1');
      const actions = planOf(taintEvictionController, pod, [nodeOf(taints)], nowAt(at), notes);
      for (const action of actions) if (action.do === 'note') notes.set(action.key, action.value);
      assert.deepEqual(actions.flatMap(verb), does);
    }
  });
}

test('several pods of a node that is tainted: 2 cases', () => {
  for (const [taints, expected] of [
    [[1], [GOES, ['at 1'], []]],
    [
      [1, 2],
      [GOES, GOES, GOES],
    ],
  ] as const) {
    const pods = [[], ['1:1'], ['1']].map((tolerations, index) => {
      const pod = podOf(tolerations, 'node1');
      return { ...pod, metadata: { ...pod.metadata, name: `pod${index + 1}`, uid: `uid-${index + 1}` } };
    });
    const snapshot = snapshotOf(pods, taintEvictionController);
    const woken = taintEvictionController.watches![0]!.keys(nodeOf(taints), snapshot, { old: nodeOf([]), gone: false });
    assert.deepEqual(woken, ['default/pod1', 'default/pod2', 'default/pod3']);
    const done = pods.map((pod) => planOf(taintEvictionController, pod, [nodeOf(taints)], nowAt(0)).flatMap(verb));
    assert.deepEqual(done, expected);
  }
});

const TIMES: readonly [string[], number][] = [
  [['1'], Number.POSITIVE_INFINITY],
  [['1:1', '2:2'], 1],
  [['1:1', '2'], 1],
  [['1', '2:1'], 1],
  [['1:0'], 0],
  [['1:-5'], 0],
];
test(`the shortest toleration counts: ${TIMES.length} cases`, () => {
  for (const [tolerations, seconds] of TIMES) {
    const { taints = [] } = nodeOf(tolerations.map((_, index) => index + 1)).spec!;
    assert.equal(toleratedSeconds(tolerations.map(toleration), taints), seconds, tolerations.join(', '));
  }
  assert.equal(toleratedSeconds([], []), Number.POSITIVE_INFINITY);
});
