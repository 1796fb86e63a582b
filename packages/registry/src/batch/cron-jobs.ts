// CronJobs (registry/batch/cronjob/strategy.go, apis/batch/validation validateCronJobSpec, printers printCronJob).
import type { batchv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import type { RuleContext } from '../define-resource.ts';
import { boolean, integer, NONE, selectorColumn, since, templateColumns, text, withNameAndAge } from '../rules/columns.ts';
import { type Errors, nonNegative, oneOf } from '../rules/errors.ts';
import { warnOfChanged, warnOfNew } from '../rules/workload-warnings.ts';
import { scheduleFault, timeZoneFault } from './cron-schedule.ts';
import { checkJobSpec, warnOfManyIndexes } from './job-rules.ts';

type CronJob = batchv1.CronJob;

/** A Job's name is the CronJob's with a suffix of eleven characters. */
const NAME_LENGTH_MAX = 52;

function checkSchedule(errors: Errors, spec: batchv1.CronJobSpec, old: batchv1.CronJobSpec | undefined): void {
  const { schedule, timeZone } = spec;
  if (!schedule) {
    errors.push(fieldError.required('spec.schedule'));
    return;
  }
  const fault = scheduleFault(schedule);
  if (fault) errors.push(fieldError.invalid('spec.schedule', schedule, fault));
  if (!schedule.includes('TZ')) return;
  if (!old?.schedule?.includes('TZ')) {
    errors.push(fieldError.invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  } else if (timeZone !== undefined) {
    errors.push(fieldError.invalid('spec.schedule', schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  }
}

function validate({ spec = {} as batchv1.CronJobSpec }: CronJob, old?: CronJob): Errors {
  const errors: Errors = [];
  checkSchedule(errors, spec, old?.spec);
  nonNegative(errors, 'spec.startingDeadlineSeconds', spec.startingDeadlineSeconds);
  if (spec.timeZone !== undefined && spec.timeZone !== old?.spec?.timeZone) {
    const fault = timeZoneFault(spec.timeZone);
    if (fault) errors.push(fieldError.invalid('spec.timeZone', spec.timeZone, fault));
  }
  oneOf(errors, 'spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']);
  const job = spec.jobTemplate?.spec ?? ({} as batchv1.JobSpec);
  checkJobSpec(errors, 'spec.jobTemplate.spec', job);
  if (job.selector) errors.push(fieldError.invalid('spec.jobTemplate.spec.selector', job.selector, '`selector` will be auto-generated'));
  if (job.manualSelector) errors.push(fieldError.notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']));
  nonNegative(errors, 'spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit);
  nonNegative(errors, 'spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit);
  return errors;
}

const ABOUT = {
  path: 'spec.jobTemplate.spec.template',
  template: ({ spec }: CronJob) => spec?.jobTemplate?.spec?.template,
  named: true,
  more({ spec }: CronJob, warn: RuleContext['warn'], { isNew, touches }: { isNew: boolean; touches: boolean }) {
    if (touches) warnOfManyIndexes(warn, 'spec.jobTemplate.spec', spec?.jobTemplate?.spec);
    if (!isNew && spec?.schedule?.includes('TZ')) {
      const see = 'see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';
      warn(`cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, ${see}`);
    }
  },
};

export const cronJobs = defineBuiltIn<CronJob>('batch', 'v1', 'cronjobs', {
  prepareForCreate(cronJob) {
    cronJob.status = {};
  },
  validateCreate(cronJob, context) {
    const errors = validate(cronJob);
    const name = cronJob.metadata?.name ?? '';
    if (name.length > NAME_LENGTH_MAX) {
      errors.push(fieldError.invalid('metadata.name', name, `must be no more than ${NAME_LENGTH_MAX} characters`));
    }
    return warnOfNew(errors, cronJob, context, ABOUT);
  },
  validateUpdate: (cronJob, old, context) => warnOfChanged(validate(cronJob, old), cronJob, old, context, ABOUT),
  columns: [
    ...withNameAndAge<CronJob>(
      text('Schedule', ({ spec }) => spec?.schedule ?? ''),
      text('Timezone', ({ spec }) => spec?.timeZone ?? NONE),
      boolean('Suspend', ({ spec }) => (spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False')),
      integer('Active', ({ status }) => status?.active?.length ?? 0),
      text('Last Schedule', ({ status }, nowMs) => (status?.lastScheduleTime ? since(status.lastScheduleTime, nowMs) : NONE)),
    ),
    ...templateColumns<CronJob>(({ spec }) => spec?.jobTemplate?.spec?.template),
    selectorColumn<CronJob>(({ spec }) => spec?.jobTemplate?.spec?.selector),
  ],
});
