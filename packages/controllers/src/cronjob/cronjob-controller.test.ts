import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchv1, type KubeObject } from '@tiphys/api';
import type { Write } from '../runtime/actions.ts';
import { controllerReference } from '../runtime/objects.ts';
import { at, nowAt } from '../testing/objects.ts';
import { planOf, planText } from '../testing/plan.ts';
import { cronJobController as controller } from './cronjob-controller.ts';

const lines = (...text: string[]) => text.join('\n');

function nightly(extra: Partial<batchv1.CronJobSpec> = {}, status?: batchv1.CronJobStatus): batchv1.CronJob {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'nightly', namespace: 'default', uid: 'uid-nightly', creationTimestamp: at(0) },
    spec: {
      schedule: '*/10 * * * *',
      concurrencyPolicy: 'Allow',
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 1,
      jobTemplate: { metadata: { labels: { app: 'nightly' } }, spec: { template: {} } },
      ...extra,
    },
    ...(status ? { status } : {}),
  };
}

function job(cron: batchv1.CronJob, name: string, finished?: 'Complete' | 'Failed', started = 600): batchv1.Job {
  const conditions = finished ? [{ type: finished, status: 'True', lastTransitionTime: at(started + 60) }] : [];
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      ownerReferences: [controllerReference(batchv1.cronjobs, cron)],
      annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': at(started) },
    },
    status: { startTime: at(started), conditions, ...(finished === 'Complete' ? { completionTime: at(started + 60) } : {}) },
  };
}

const active = (...jobs: KubeObject[]) =>
  jobs.map(({ metadata }) => ({ kind: 'Job', name: metadata!.name!, namespace: 'default', uid: metadata!.uid! }));

test('waits for the first start', () => {
  assert.equal(planText(controller, nightly(), [], nowAt(30)), 'wake at 00:10:00: the next start');
});

test('starts a Job named after its time', () => {
  const actions = planOf(controller, nightly(), [], nowAt(601));
  const created = (actions[1] as Write).object as batchv1.Job;
  assert.equal(created.metadata?.name, `nightly-${nowAt(600) / 60_000}`);
  assert.deepEqual(created.metadata?.annotations, { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T00:10:00Z' });
  assert.deepEqual(created.metadata?.labels, { app: 'nightly' });
  const update = actions
    .flatMap((action) =>
      action.do === 'after' ? action.then({ results: [{ ...created, metadata: { ...created.metadata, uid: 'u' } }] }) : [],
    )
    .find((action) => action.do === 'updateStatus');
  assert.ok(update);
  const { status } = update.object as batchv1.CronJob;
  assert.equal(status?.lastScheduleTime, '2026-01-01T00:10:00Z');
  assert.equal(status?.active?.[0]?.uid, 'u');
});

test('does not start beside a running Job when that is forbidden', () => {
  const cron = nightly({ concurrencyPolicy: 'Forbid' });
  const running = job(cron, 'nightly-1');
  const text = planText(controller, { ...cron, status: { active: active(running), lastScheduleTime: at(600) } }, [running], nowAt(1201));
  assert.equal(
    text,
    lines(
      'event Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid',
      'wake at 00:30:00: the next start',
    ),
  );
});

test('replaces a running Job when told to', () => {
  const cron = nightly({ concurrencyPolicy: 'Replace' });
  const running = job(cron, 'nightly-1');
  const text = planText(controller, { ...cron, status: { active: active(running), lastScheduleTime: at(600) } }, [running], nowAt(1201));
  assert.match(
    text,
    /^delete jobs default\/nightly-1: the next start replaces it\ncreate jobs default\/nightly-\d+: due at 2026-01-01T00:20:00Z/,
  );
});

test('a start that is too late is missed', () => {
  const text = planText(controller, nightly({ startingDeadlineSeconds: 30 }, { lastScheduleTime: at(0) }), [], nowAt(700));
  assert.equal(text, 'wake at 00:20:00: the next start');
  const late = planText(controller, nightly({ startingDeadlineSeconds: 30 }, { lastScheduleTime: at(0) }), [], nowAt(629));
  assert.match(late, /^create jobs/);
});

test('finished Jobs leave the list, and the oldest beyond the limit go', () => {
  const cron = nightly({ suspend: true });
  const jobs = [job(cron, 'nightly-1', 'Complete', 600), job(cron, 'nightly-2', 'Complete', 1200), job(cron, 'nightly-3', 'Failed', 1800)];
  const text = planText(
    controller,
    { ...cron, status: { active: active(jobs[1]!, jobs[2]!), lastSuccessfulTime: at(660) } },
    jobs,
    nowAt(2000),
  );
  assert.equal(
    text,
    lines(
      'delete jobs default/nightly-1: more than 1 Jobs that are Complete',
      'event Normal SawCompletedJob: Saw completed job: nightly-2, condition: Complete',
      'event Normal SawCompletedJob: Saw completed job: nightly-3, condition: Failed',
      'updateStatus cronjobs default/nightly: 0 active',
    ),
  );
});

test('more than a hundred missed starts give one Job and a warning', () => {
  const text = planText(controller, nightly({}, { lastScheduleTime: at(0) }), [], nowAt(200 * 600 + 1));
  assert.match(text, /^event Warning TooManyMissedTimes: too many missed start times\. /);
  assert.equal(text.match(/create jobs/g)?.length, 1);
});

test('schedules and zones that make no sense are said to be so', () => {
  assert.match(
    planText(controller, nightly({ schedule: '* * *' }), []),
    /^event Warning UnparseableSchedule: unparseable schedule: "\* \* \*" : expected exactly 5/,
  );
  assert.match(planText(controller, nightly({ timeZone: 'Nowhere' }), []), /^event Warning UnknownTimeZone: invalid timeZone: "Nowhere"/);
  assert.match(planText(controller, nightly({ schedule: '59 23 31 2 *' }), []), /^event Warning InvalidSchedule: /);
});
