// Starts Jobs on time (pkg/controller/cronjob/cronjob_controllerv2.go).
import { batchv1, type corev1, timeText } from '@tiphys/api';
import { isAlreadyExists } from '@tiphys/machinery';
import { semanticEqual } from '../equality.ts';
import { isFinished, jobCondition } from '../job/facts.ts';
import { namespaceTerminating } from '../pods/pod-writes.ts';
import { type Action, after, create, normal, note, remove, updateStatus, type Write, wakeAt, warning } from '../runtime/actions.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { controllerReference, isControlledBy, isDeleting, nameOf, namespaceOf, timeMs, uidOf } from '../runtime/objects.ts';
import { parseSchedule, type Schedule } from './schedule.ts';
import { dueStart, nextStartMs } from './times.ts';
import { timeZone, zonedText } from './zone.ts';

type CronJob = batchv1.CronJob;
type Job = batchv1.Job;

const SCHEDULED_ANNOTATION = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** A plan in the making; `status` is what the CronJob should say in the end. */
interface Draft {
  world: World<CronJob>;
  nowMs: number;
  jobs: readonly Job[];
  actions: Action[];
  status: batchv1.CronJobStatus;
}

const isActive = (draft: Draft, uid: string): boolean => draft.status.active?.some((reference) => reference.uid === uid) ?? false;

function dropActive(draft: Draft, uid: string): void {
  draft.status.active = (draft.status.active ?? []).filter((reference) => reference.uid !== uid);
}

function deleteJob(job: Job, because: string): Write {
  return remove(batchv1.jobs, job, because, {
    options: { propagationPolicy: 'Background' },
    whenDone: () => ({ type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted job ${nameOf(job)}` }),
    whenFailed: (error) => ({ type: 'Warning', reason: 'FailedDelete', message: `Deleted job: ${error.message}` }),
  });
}

function byStartTime(a: Job, b: Job): number {
  const [left, right] = [a.status?.startTime, b.status?.startTime];
  if (left !== right) return left === undefined ? 1 : right === undefined ? -1 : timeMs(left) - timeMs(right);
  return nameOf(a) < nameOf(b) ? -1 : 1;
}

/** Removes the oldest finished Jobs beyond the history limits. */
function cleanUp(draft: Draft): void {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = draft.world.object.spec ?? {};
  for (const [type, limit] of [
    ['Complete', successfulJobsHistoryLimit],
    ['Failed', failedJobsHistoryLimit],
  ] as const) {
    if (limit === undefined) continue;
    const finished = draft.jobs.filter((job) => jobCondition(job, type) && !isDeleting(job)).sort(byStartTime);
    for (const job of finished.slice(0, Math.max(0, finished.length - limit))) {
      draft.actions.push(deleteJob(job, `more than ${limit} Jobs that are ${type}`));
      dropActive(draft, uidOf(job));
    }
  }
}

/** Brings the list of active Jobs in line with the Jobs there are. */
function observe(draft: Draft): void {
  const { status, jobs, actions, world } = draft;
  for (const job of jobs) {
    const active = isActive(draft, uidOf(job));
    if (!isFinished(job)) {
      if (!active && !isStartedByUs(world.object, job)) {
        actions.push(warning('UnexpectedJob', `Saw a job that the controller did not create or forgot: ${nameOf(job)}`));
      }
      continue;
    }
    if (active) {
      const condition = jobCondition(job, 'Complete') ? 'Complete' : 'Failed';
      dropActive(draft, uidOf(job));
      actions.push(normal('SawCompletedJob', `Saw completed job: ${nameOf(job)}, condition: ${condition}`));
    }
    const completed = jobCondition(job, 'Complete') && job.status?.completionTime;
    if (completed && timeMs(completed) > timeMs(status.lastSuccessfulTime)) status.lastSuccessfulTime = completed;
  }
  const known = new Set(jobs.map(uidOf));
  for (const reference of status.active ?? []) {
    if (known.has(reference.uid ?? '')) continue;
    actions.push(normal('MissingJob', `Active job went missing: ${reference.name}`));
    dropActive(draft, reference.uid ?? '');
  }
}

/** A Job with the name that one of our starts gives: its status update may have been lost. */
const isStartedByUs = (cron: CronJob, job: Job): boolean =>
  job.metadata?.annotations?.[SCHEDULED_ANNOTATION] !== undefined && isControlledBy(job, cron);

/** The schedule, unless something is wrong with it or it is suspended; the events say what. */
function readSchedule(draft: Draft): Schedule | undefined {
  const { schedule = '', timeZone: zone, suspend } = draft.world.object.spec ?? {};
  if (zone !== undefined && !timeZone(zone)) {
    draft.actions.push(warning('UnknownTimeZone', `invalid timeZone: ${JSON.stringify(zone)}: unknown time zone ${zone}`));
    return undefined;
  }
  if (suspend) return undefined;
  if (schedule.includes('TZ')) {
    const advice = 'see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';
    const message = `CRON_TZ or TZ used in schedule ${JSON.stringify(schedule)} is not officially supported, ${advice}`;
    draft.actions.push(warning('UnsupportedSchedule', message));
  }
  try {
    return parseSchedule(schedule, schedule.includes('TZ') ? '' : zone);
  } catch (error) {
    draft.actions.push(warning('UnparseableSchedule', `unparseable schedule: ${JSON.stringify(schedule)} : ${(error as Error).message}`));
    return undefined;
  }
}

function jobFor(cron: CronJob, dueMs: number): Job {
  const { metadata, spec } = cron.spec!.jobTemplate;
  const zone = timeZone(cron.spec?.timeZone ?? '')!;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${nameOf(cron)}-${Math.floor(dueMs / 60_000)}`,
      namespace: namespaceOf(cron),
      labels: { ...metadata?.labels },
      annotations: { ...metadata?.annotations, [SCHEDULED_ANNOTATION]: zonedText(zone, dueMs) },
      ownerReferences: [controllerReference(batchv1.cronjobs, cron)],
    },
    spec: spec!,
  };
}

const referenceOf = (job: Job): corev1.ObjectReference => ({
  kind: 'Job',
  namespace: namespaceOf(job),
  name: nameOf(job),
  uid: uidOf(job),
  apiVersion: 'batch/v1',
  ...(job.metadata?.resourceVersion ? { resourceVersion: job.metadata.resourceVersion } : {}),
});

function started(draft: Draft, job: Job, dueMs: number): void {
  draft.status.active = [...(draft.status.active ?? []), referenceOf(job)];
  draft.status.lastScheduleTime = timeText(dueMs);
}

/** RFC 1123 with a numeric zone, as the event has it. */
const rfc1123 = (ms: number): string => new Date(ms).toUTCString().replace('GMT', '+0000');

/** Whether the due start may happen now; the events say why not. */
function mayStart(draft: Draft, job: Job, dueMs: number): boolean {
  const { startingDeadlineSeconds, concurrencyPolicy } = draft.world.object.spec ?? {};
  if (startingDeadlineSeconds !== undefined && dueMs + startingDeadlineSeconds * 1000 < draft.nowMs) {
    draft.actions.push(warning('MissSchedule', `Missed scheduled time to start a job: ${rfc1123(dueMs)}`));
    return false;
  }
  const active = draft.status.active ?? [];
  if (active.some((reference) => reference.name === nameOf(job))) return false;
  if (draft.status.lastScheduleTime && timeMs(draft.status.lastScheduleTime) === dueMs) return false;
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    draft.actions.push(normal('JobAlreadyActive', message));
    return false;
  }
  return true;
}

function start(draft: Draft, dueMs: number): void {
  const cron = draft.world.object;
  const job = jobFor(cron, dueMs);
  if (!mayStart(draft, job, dueMs)) return;
  if (cron.spec?.concurrencyPolicy === 'Replace') {
    for (const { name, uid } of draft.status.active ?? []) {
      const running = draft.world.get(batchv1.jobs, name ?? '', namespaceOf(cron));
      if (running) draft.actions.push(deleteJob(running, 'the next start replaces it'));
      dropActive(draft, uid ?? '');
    }
  }
  const existing = draft.world.get(batchv1.jobs, nameOf(job), namespaceOf(cron));
  if (existing) {
    // Started before, but the program ended before the status said so.
    if (isControlledBy(existing, cron)) started(draft, existing, dueMs);
    return;
  }
  draft.actions.push(
    create(batchv1.jobs, job, `due at ${timeText(dueMs)}`, {
      whenDone: (result) => ({ type: 'Normal', reason: 'SuccessfulCreate', message: `Created job ${nameOf(result)}` }),
      whenFailed: (error) =>
        namespaceTerminating(error) || isAlreadyExists(error)
          ? undefined
          : { type: 'Warning', reason: 'FailedCreate', message: `Error creating job: ${error.message}` },
    }),
    after(({ failure, results }) => {
      const job = results.at(-1);
      if (!failure && job) started(draft, job as Job, dueMs);
      return [];
    }),
  );
}

/** A changed schedule counts from now on: nothing is started for the time before the change. */
function scheduleChanged(draft: Draft): boolean {
  const { world, actions } = draft;
  const { schedule, timeZone: zone } = world.object.spec ?? {};
  const key = `schedule/${uidOf(world.object)}`;
  const current = `${zone ?? ''} ${schedule}`;
  const known = world.note(key);
  if (known === current) return false;
  actions.push(note(key, current));
  return known !== undefined;
}

function schedule(draft: Draft): void {
  const cron = draft.world.object;
  const times = readSchedule(draft);
  if (!times) return;
  const changed = scheduleChanged(draft);
  try {
    const { dueMs, tooManyMissed } = dueStart(cron, draft.nowMs, times);
    if (tooManyMissed) {
      const advice = 'Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      draft.actions.push(warning('TooManyMissedTimes', `too many missed start times. ${advice}`));
    }
    if (dueMs !== undefined && !changed) start(draft, dueMs);
  } catch (error) {
    draft.actions.push(warning('InvalidSchedule', `invalid schedule: ${cron.spec?.schedule} : ${(error as Error).message}`));
    return;
  }
  const nextMs = nextStartMs(cron, draft.nowMs, times);
  if (nextMs !== undefined) draft.actions.push(wakeAt(nextMs, 'the next start'));
}

const written = ({ active = [], ...status }: batchv1.CronJobStatus): batchv1.CronJobStatus => ({
  ...(active.length > 0 ? { active } : {}),
  ...status,
});

function plan(world: World<CronJob>, nowMs: number): readonly Action[] {
  const cron = world.object;
  const draft: Draft = { world, nowMs, jobs: world.owned(batchv1.jobs), actions: [], status: { ...cron.status } };
  cleanUp(draft);
  observe(draft);
  if (!isDeleting(cron)) schedule(draft);
  draft.actions.push(
    after(() => {
      const status = written(draft.status);
      if (semanticEqual(cron.status ?? {}, status)) return [];
      return [updateStatus(batchv1.cronjobs, { ...cron, status }, `${status.active?.length ?? 0} active`)];
    }),
  );
  return draft.actions;
}

export const cronJobController = defineController<CronJob>({
  name: 'cronjob-controller',
  for: batchv1.cronjobs,
  owns: [{ type: batchv1.jobs }],
  plan,
});
