// What users of simulate() write.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, batchv1, coordinationv1, corev1 } from '@tiphys/api';
import { durationMs, simulate } from './simulate.ts';

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } as corev1.PodSpec };

const START_MINUTES = Date.UTC(2026, 0, 1) / 60_000;

test('a day passes in a moment: a cron job runs every hour of it', async () => {
  const names = await simulate({ seed: 3, nodes: 1 }, async ({ client, clock }) => {
    const job = { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } as corev1.PodSpec } } };
    const spec = { schedule: '0 * * * *', successfulJobsHistoryLimit: 100, jobTemplate: job };
    await client.of(batchv1.cronjobs).create({ metadata: { name: 'hourly', namespace: 'default' }, spec });
    // The clock starts at midnight, which is over when there is a cron job: it runs from one o'clock to the next midnight.
    await clock.advance('1d');
    await clock.advance('1m');
    const { items } = await client.of(batchv1.jobs).list({ namespace: 'default' });
    return items.map(({ metadata, status }) => `${metadata!.name} ${status?.succeeded}`);
  });
  const hours = Array.from({ length: 24 }, (_, hour) => `hourly-${START_MINUTES + 60 * (hour + 1)} 1`);
  assert.deepEqual(names, hours);
});

test('faults are called by name, and what they held up goes on without them', async () => {
  await simulate({ seed: 4, nodes: 2 }, async ({ client, clock, fault, restart }) => {
    const lift = fault({ kind: 'refuse', part: 'controllers', code: 500, share: 1 });
    const spec = { replicas: 2, selector: { matchLabels: { app: 'web' } }, template };
    await client.of(appsv1.deployments).create({ metadata: { name: 'web', namespace: 'default' }, spec });
    await clock.advance('1m');
    assert.equal((await client.of(corev1.pods).list({ namespace: 'default' })).items.length, 0);
    lift();
    await restart('scheduler', '10s');
    await restart('server', '5s');
    await clock.advance('5m');
    assert.equal((await client.of(appsv1.deployments).get('web', 'default')).status?.readyReplicas, 2);
  });
});

test("a program's own client goes through the faults of the user", async () => {
  await simulate({}, async ({ clientOf, client, fault }) => {
    const mine = clientOf('system:serviceaccount:default:mine', ['system:masters']);
    fault({ kind: 'lose-answers', part: 'user', share: 1 });
    await assert.rejects(
      mine.of(corev1.configmaps).create({ metadata: { name: 'a', namespace: 'default' } }),
      /a fault of the simulation: 500/,
    );
    assert.ok(await client.of(corev1.configmaps).get('a', 'default'), 'the answer was lost, the write was not');
  });
});

test('of two schedulers the other takes over when one crashes or loses its lease', async () => {
  await simulate({ seed: 5, nodes: 2, candidates: 2 }, async ({ client, clock, crash, fault }) => {
    const holder = async () => (await client.of(coordinationv1.leases).get('kube-scheduler', 'kube-system')).spec?.holderIdentity;
    const bound = async (name: string) => {
      await client.of(corev1.pods).create({ metadata: { name, namespace: 'default' }, spec: template.spec });
      await clock.advance('20s');
      return (await client.of(corev1.pods).get(name, 'default')).spec?.nodeName !== undefined;
    };
    const first = await holder();
    await crash('scheduler', '1m');
    const second = await holder();
    assert.notEqual(second, first);
    assert.ok(await bound('after-a-crash'));
    const lift = fault({ kind: 'lose-lease', part: 'scheduler' });
    await clock.advance('30s');
    lift();
    assert.ok(![first, second].includes(await holder()));
    assert.ok(await bound('after-a-loss'));
  });
});

test('a clock that is set forward or back makes no node look silent', async () => {
  await simulate({ seed: 6, nodes: 2 }, async ({ client, clock, fault }) => {
    const states = async () =>
      (await client.of(corev1.nodes).list()).items.map(({ status }) => status?.conditions?.find(({ type }) => type === 'Ready')?.status);
    clock.jump('1h');
    await clock.advance('1m');
    assert.deepEqual(await states(), ['True', 'True']);
    clock.jump('-2h');
    fault({ kind: 'silence', part: 'nodes', node: 'simulated-2' });
    await clock.advance('2m');
    assert.deepEqual(await states(), ['True', 'Unknown']);
  });
});

test('durations', () => {
  assert.deepEqual(['90s', '1h30m', '1d', '250ms', '-10s', 5].map(durationMs), [90_000, 5_400_000, 86_400_000, 250, -10_000, 5]);
  assert.throws(() => durationMs('soon'), /"soon" is not a duration/);
});
