import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pick } from '../pick.ts';
import { node, pod, snapshotOf } from '../testing/snapshot.ts';
import { podInfo } from '../world/infos.ts';
import { schedulerConfiguration } from './index.ts';

const document = (fields: object) => ({ apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration', ...fields });
const profilesOf = (fields: object) => schedulerConfiguration(document(fields)).profiles!({});
const names = (fields: object) => profilesOf(fields)[0]!.plugins.map((plugin) => plugin.name);

test('nothing given is the default profile', () => {
  const { profiles, backoff } = schedulerConfiguration(document({}));
  const [profile] = profiles!({});
  assert.equal(profile!.schedulerName, 'default-scheduler');
  assert.equal(profile!.preempts, true);
  assert.equal(profile!.plugins.length, 17);
  assert.deepEqual(backoff, { initialMs: 1000, maxMs: 10_000 });
});

test('plugins are turned off and on, everywhere or at one point, with weights', () => {
  const off = { plugins: { multiPoint: { disabled: [{ name: '*' }], enabled: [{ name: 'NodeName' }] } } };
  assert.deepEqual(names({ profiles: [off] }), ['NodeName']);
  const scored = {
    plugins: {
      score: { disabled: [{ name: '*' }], enabled: [{ name: 'ImageLocality', weight: 7 }] },
      postFilter: { disabled: [{ name: 'DefaultPreemption' }] },
    },
  };
  const [profile] = profilesOf({ profiles: [scored] });
  assert.equal(profile!.preempts, false);
  const scoring = profile!.plugins.filter((plugin) => plugin.score).map(({ name, weight }) => [name, weight]);
  assert.deepEqual(scoring, [['ImageLocality', 7]]);
  assert.ok(profile!.plugins.find(({ name }) => name === 'NodeResourcesFit')!.filter);
});

test('MostAllocated packs where LeastAllocated spreads', () => {
  const snapshot = () => snapshotOf([node('empty'), node('used')], [[pod('x', { cpu: '1' }), 'used']]);
  const strategy = (type: string, more: object = {}) => ({
    schedulerName: type,
    pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy: { type, ...more } } }],
    plugins: { score: { disabled: [{ name: 'NodeResourcesBalancedAllocation' }] } },
  });
  const shape = [
    { utilization: 0, score: 0 },
    { utilization: 100, score: 10 },
  ];
  const profiles = profilesOf({
    profiles: [
      strategy('LeastAllocated'),
      strategy('MostAllocated'),
      strategy('RequestedToCapacityRatio', { requestedToCapacityRatio: { shape } }),
    ],
  });
  const placed = profiles.map(({ plugins }) => {
    const result = pick(podInfo(pod('p', { cpu: '1' })), snapshot(), plugins, { start: 0, chance: 0 });
    return 'node' in result ? result.node.name : 'nowhere';
  });
  assert.deepEqual(placed, ['empty', 'used', 'used']);
});

test("a plugin of one's own takes part under its name, with its arguments", () => {
  const own = {
    Even: (args: Record<string, unknown>) => ({
      name: 'Even',
      events: {},
      filter: () => ({ reasons: [`${args.why}`], unresolvable: true }),
    }),
  };
  const profile = { plugins: { multiPoint: { enabled: [{ name: 'Even' }] } }, pluginConfig: [{ name: 'Even', args: { why: 'odd' } }] };
  const [made] = schedulerConfiguration(document({ profiles: [profile] }), { plugins: own }).profiles!({});
  const result = pick(podInfo(pod('p')), snapshotOf([node('n')]), made!.plugins, { start: 0, chance: 0 });
  assert.deepEqual('diagnosis' in result && result.diagnosis.refusals.get('n')!.reasons, ['odd']);
});

for (const [fields, message] of [
  [{ apiVersion: 'v1' }, /must begin with apiVersion: kubescheduler/],
  [{ profile: [] }, /unknown field "profile"/],
  [
    { profiles: [{ plugins: { filter: { enabled: [{ name: 'Nothing' }] } } }] },
    /profiles\[0\]\.plugins\.filter\.enabled\[0\]\.name: Nothing does not exist/,
  ],
  [{ profiles: [{ plugins: { sort: {} } }] }, /profiles\[0\]\.plugins: unknown field "sort"/],
  [{ profiles: [{ schedulerName: 'a' }, { schedulerName: 'a' }] }, /profiles\[1\]\.schedulerName: Duplicate value: "a"/],
  [{ percentageOfNodesToScore: 101 }, /percentageOfNodesToScore: not in valid range \[0-100\]/],
  [{ podInitialBackoffSeconds: 5, podMaxBackoffSeconds: 1 }, /podMaxBackoffSeconds: must be greater than or equal/],
  [{ profiles: [{ pluginConfig: [{ name: 'NodeResourcesFit', args: { strategy: 1 } }] }] }, /args: unknown field "strategy"/],
  [{ profiles: [{ plugins: { multiPoint: { enabled: [{ name: 'GangScheduling' }] } } }] }, /the plugin GangScheduling is not built/],
  [
    { profiles: [{ pluginConfig: [{ name: 'DynamicResources', args: { bindingTimeout: '10ms' } }] }] },
    /bindingTimeout: must be at least 1 second/,
  ],
  [
    { profiles: [{ pluginConfig: [{ name: 'DynamicResources', args: { filterTimeout: '-1s' } }] }] },
    /filterTimeout: must be zero or positive/,
  ],
  [{ extenders: [{ urlPrefix: 'http://x' }] }, /extenders\[0\]: extenders can not be asked from here/],
] as const) {
  test(`refused: ${message.source}`, () => {
    assert.throws(() => schedulerConfiguration(document(fields)).profiles!({}), message);
  });
}
