// Objects that contradict themselves or each other, and controllers that fail: told as upstream tells it, backed off, and nothing
// else stands still. An hour of virtual time shows that nothing turns in circles.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, type batchv1, corev1, type KubeObject, policyv1 } from '@tiphys/api';
import { virtualClock } from '@tiphys/runtime';
import fc from 'fast-check';
import { daemonSetController } from './daemonset/daemonset-controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { disruptionController } from './disruption/disruption-controller.ts';
import { garbageCollector } from './garbage-collector/garbage-collector.ts';
import { jobController } from './job/job-controller.ts';
import { replicaSetController } from './replicaset/replicaset-controller.ts';
import { resourceQuotaController } from './resource-quota/resource-quota-controller.ts';
import { create, patch } from './runtime/actions.ts';
import { type Controller, defineController } from './runtime/controller.ts';
import { statefulSetController } from './statefulset/statefulset-controller.ts';
import { NAMESPACE, startTestCluster, type TestCluster } from './testing/cluster.ts';
import { deployment, nowAt, pod, replicaSet, template } from './testing/objects.ts';
import { planOf, planText } from './testing/plan.ts';

const HOUR_MS = 3_600_000;

/** How often keys were queued so far, by upstream's name of the queue. */
function adds({ controllers }: TestCluster): Record<string, number> {
  const lines: string[] = [];
  for (const family of controllers.metrics) family.write(lines);
  const counted = lines.map((line) => /^workqueue_adds_total\{name="([^"]+)"\} (\d+)$/.exec(line)).filter((match) => match !== null);
  return Object.fromEntries(counted.map(([, name, count]) => [name, Number(count)]));
}

const reasonsOf = (events: readonly corev1.Event[]) => events.map(({ reason }) => reason);
const configMap = (name: string, owners: KubeObject[] = []): corev1.ConfigMap => ({
  metadata: {
    name,
    namespace: NAMESPACE,
    ownerReferences: owners.map((owner) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: owner.metadata!.name!,
      uid: owner.metadata!.uid!,
      blockOwnerDeletion: true,
    })),
  },
});

test('selectors that select everything are told and nothing is done', () => {
  const all = { selector: {} };
  assert.equal(
    planText(
      deploymentController,
      { ...deployment('web', 3, all), status: { observedGeneration: 1 } },
      [pod('other', undefined)],
      nowAt(0),
    ),
    'event Warning SelectingAll: This deployment is selecting all pods. A non-empty selector is required.',
  );
  const daemons: appsv1.DaemonSet = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'd', namespace: 'default', uid: 'd' },
    spec: { selector: {}, template: template() },
  };
  assert.equal(
    planText(daemonSetController, daemons, [pod('other', undefined)], nowAt(0)),
    'event Warning SelectingAll: This daemon set is selecting all pods. A non-empty selector is required.',
  );
});

test('selectors that match nothing of their own template make no pod twice for what they can not see', () => {
  const blind = replicaSet('blind', 2, { selector: { matchLabels: { app: 'else' } } });
  const own = ['a', 'b'].map((name) => pod(name, [appsv1.replicasets, blind]));
  const lines = planText(replicaSetController, blind, own, nowAt(0)).split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(':')[0]),
    ['patch pods default/a', 'patch pods default/b'],
    'what does not match is let go first',
  );
});

test('negative and huge counts of old clients break no plan', () => {
  const counts = fc.integer({ min: -(2 ** 31), max: 20 });
  fc.assert(
    fc.property(counts, counts, counts, (replicas, surge, seconds) => {
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: surge } };
      planOf(
        deploymentController,
        deployment('web', replicas, { strategy, minReadySeconds: seconds, revisionHistoryLimit: seconds }),
        [],
        nowAt(0),
      );
      const set = replicaSet('web', replicas, { minReadySeconds: seconds });
      const gone = planOf(replicaSetController, set, [pod('a', [appsv1.replicasets, set])], nowAt(0));
      assert.ok(replicas > 0 || !gone.some((action) => action.do === 'create'));
      const job: batchv1.Job = {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'j', namespace: 'default', uid: 'j' },
        spec: {
          parallelism: replicas,
          completions: surge,
          backoffLimit: seconds,
          selector: { matchLabels: { app: 'web' } },
          template: template(),
        },
      };
      planOf(jobController, job, [], nowAt(0));
      const members: appsv1.StatefulSet = {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: { name: 's', namespace: 'default', uid: 's' },
        spec: { replicas, serviceName: '', selector: { matchLabels: { app: 'web' } }, template: template(), minReadySeconds: seconds },
      };
      planOf(statefulSetController, members, [], nowAt(0));
    }),
    { numRuns: 60, seed: 1 },
  );
});

test('owners that do not exist lose their dependents; a circle of owners goes when one of them is deleted', async () => {
  await using cluster = await startTestCluster([garbageCollector]);
  const maps = cluster.client.of(corev1.configmaps);
  await maps.create(configMap('lost', [{ metadata: { name: 'nobody', uid: '11111111-1111-1111-1111-111111111111' } }]));
  const one = await maps.create(configMap('one'));
  const two = await maps.create(configMap('two', [one]));
  await maps.update({ ...one, metadata: { ...one.metadata, ownerReferences: configMap('one', [two]).metadata!.ownerReferences! } });
  await cluster.untilAll(corev1.configmaps, (list) => list.length === 2 && list.every(({ metadata }) => metadata?.name !== 'lost'));
  await maps.delete('one', NAMESPACE, { propagationPolicy: 'Foreground' });
  await cluster.untilAll(corev1.configmaps, (list) => list.length === 0);
});

test('budgets that can not be met or worked out allow nothing and say why, without circles', async () => {
  const clock = virtualClock();
  await using cluster = await startTestCluster([disruptionController, replicaSetController], { clock });
  const { client } = cluster;
  const budget = (name: string, spec: policyv1.PodDisruptionBudgetSpec): policyv1.PodDisruptionBudget => ({
    metadata: { name, namespace: NAMESPACE },
    spec: { selector: { matchLabels: { app: name } }, ...spec },
  });
  const podOf = (name: string, app: string, kind?: string): corev1.Pod => ({
    metadata: {
      name,
      namespace: NAMESPACE,
      labels: { app },
      ...(kind ? { ownerReferences: [{ apiVersion: 'example.com/v1', kind, name: 'x', uid: 'x', controller: true }] } : {}),
    },
    spec: { containers: [{ name: 'c', image: 'c' }] } as corev1.PodSpec,
  });
  await client.of(corev1.pods).create(podOf('few', 'high'));
  await client.of(corev1.pods).create(podOf('bare', 'bare'));
  await client.of(corev1.pods).create(podOf('odd', 'odd', 'Unheard'));
  await client.of(policyv1.poddisruptionbudgets).create(budget('high', { minAvailable: 5 }));
  await client.of(policyv1.poddisruptionbudgets).create(budget('bare', { maxUnavailable: 1 }));
  await client.of(policyv1.poddisruptionbudgets).create(budget('odd', { maxUnavailable: 1 }));
  await clock.advance(60_000);
  const statusOf = async (name: string) => (await client.of(policyv1.poddisruptionbudgets).get(name, NAMESPACE)).status!;
  const shown = async (name: string) => {
    const { disruptionsAllowed, conditions } = await statusOf(name);
    return [disruptionsAllowed, conditions?.[0]?.reason];
  };
  assert.deepEqual(await shown('high'), [0, 'InsufficientPods']);
  assert.deepEqual(await shown('bare'), [0, 'InsufficientPods']);
  assert.deepEqual(await shown('odd'), [0, 'SyncFailed']);
  const reasons = reasonsOf((await client.of(corev1.events).list({ namespace: NAMESPACE })).items);
  for (const reason of ['UnmanagedPods', 'CalculateExpectedPodCountFailed']) assert.ok(reasons.includes(reason), reason);
  const before = adds(cluster).disruption!;
  await clock.advance(HOUR_MS);
  assert.ok(adds(cluster).disruption! - before < 20, `queued ${adds(cluster).disruption! - before} times in an hour`);
});

test('a quota below its use counts on, and pods that it refuses are told of and tried later and later', async () => {
  const clock = virtualClock();
  await using cluster = await startTestCluster([resourceQuotaController, replicaSetController], { clock });
  const { client } = cluster;
  await client.of(corev1.configmaps).create(configMap('a'));
  await client.of(corev1.configmaps).create(configMap('b'));
  await client.of(corev1.resourcequotas).create({ metadata: { name: 'tight', namespace: NAMESPACE }, spec: { hard: { configmaps: '1' } } });
  await clock.advance(60_000);
  const quota = await client.of(corev1.resourcequotas).get('tight', NAMESPACE);
  assert.equal(quota.status?.used?.configmaps, '2');
  const before = adds(cluster).resourcequota_primary!;
  await clock.advance(HOUR_MS);
  // Once per five minutes it counts anew.
  assert.ok(adds(cluster).resourcequota_primary! - before <= 20);
});

test('a controller that throws is reported, backed off, and does not stop the others', async () => {
  const clock = virtualClock();
  const errors: string[] = [];
  const quiet = {
    info: () => {},
    warning: () => {},
    debug: () => {},
    error: (message: string, error?: unknown) => void errors.push(`${message}: ${(error as Error).message}`),
  };
  const log = { ...quiet, named: () => log } as never;
  const failing = defineController<corev1.ConfigMap>({
    name: 'failing',
    for: corev1.configmaps,
    plan() {
      throw new Error('never works');
    },
  });
  const refused = defineController<corev1.ConfigMap>({
    name: 'refused',
    for: corev1.configmaps,
    plan: ({ object }) => [create(corev1.configmaps, { metadata: { name: 'Not A Name', namespace: NAMESPACE } }, object.metadata!.name!)],
  });
  const working = defineController<corev1.Namespace>({
    name: 'working',
    for: corev1.namespaces,
    plan: ({ object }) =>
      object.metadata?.labels?.works
        ? []
        : [patch(corev1.namespaces, object, 'merge', { metadata: { labels: { works: 'yes' } } }, 'it works')],
  });
  const all: Controller[] = [failing, refused, working];
  await using cluster = await startTestCluster(all, { clock, log });
  await cluster.client.of(corev1.configmaps).create(configMap('a'));
  await clock.advance(HOUR_MS);
  const counted = adds(cluster);
  // 5 ms, 10 ms … 1000 s: some twenty tries in an hour.
  for (const name of ['failing', 'refused']) assert.ok(counted[name]! > 10 && counted[name]! < 30, `${name}: ${counted[name]}`);
  assert.ok(errors.some((text) => text.includes('never works')));
  assert.equal((await cluster.client.of(corev1.namespaces).get(NAMESPACE)).metadata?.labels?.works, 'yes');
});
