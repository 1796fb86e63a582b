// Jobs (registry/batch/job/strategy.go, apis/batch/validation, printers printJob).
import { type batchv1, humanDuration } from '@tiphys/api';
import { jsonEqual } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import type { RuleContext } from '../define-resource.ts';
import { selectorColumn, templateColumns, text, withNameAndAge } from '../rules/columns.ts';
import { warnOfChanged, warnOfNew } from '../rules/workload-warnings.ts';
import { NAME_LABELS, UID_LABELS, validateJob, validateJobUpdate, warnOfManyIndexes } from './job-rules.ts';
import { isTrue, validateJobStatus } from './job-status-rules.ts';

type Job = batchv1.Job;

/** Gives the template labels of its own Job and makes the selector of them, unless the client selects by hand. */
function generateSelector(job: Job): void {
  const { spec, metadata } = job;
  if (!spec || spec.manualSelector) return;
  const given = spec.template?.metadata?.labels;
  const labels: Record<string, string> = { ...given };
  for (const name of NAME_LABELS) labels[name] ??= metadata?.name ?? '';
  for (const name of UID_LABELS) labels[name] ??= metadata?.uid ?? '';
  spec.template = { ...spec.template, metadata: { ...spec.template?.metadata, labels } };
  // Where the job took its labels from the template, or would when read again, it has these too.
  if (metadata && (metadata.labels === undefined || jsonEqual(metadata.labels, given))) metadata.labels = { ...labels };
  const uidLabel = UID_LABELS[1]!;
  spec.selector = { ...spec.selector, matchLabels: { [uidLabel]: metadata?.uid ?? '', ...spec.selector?.matchLabels } };
}

const STATES = ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'];

function stateOf(job: Job): string {
  if (isTrue(job, 'Complete')) return 'Complete';
  if (isTrue(job, 'Failed')) return 'Failed';
  if (job.metadata?.deletionTimestamp) return 'Terminating';
  return STATES.find((type) => isTrue(job, type)) ?? 'Running';
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  return (spec?.parallelism ?? 0) > 1 ? `${succeeded}/1 of ${spec!.parallelism}` : `${succeeded}/1`;
}

function duration({ status }: Job, nowMs: number): string {
  if (!status?.startTime) return '';
  return humanDuration((status.completionTime ? Date.parse(status.completionTime) : nowMs) - Date.parse(status.startTime));
}

const ABOUT = {
  path: 'spec.template',
  template: ({ spec }: Job) => spec?.template,
  named: true,
  more({ spec }: Job, warn: RuleContext['warn'], { touches }: { touches: boolean }) {
    if (touches) warnOfManyIndexes(warn, 'spec', spec);
  },
};

export const jobs = defineBuiltIn<Job>('batch', 'v1', 'jobs', {
  // Clients older than propagation policies relied on it (upstream: OrphanDependents for batch/v1).
  defaultPropagation: 'Orphan',
  propagationAdvice:
    'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  prepareForCreate(job) {
    generateSelector(job);
    job.status = {};
  },
  validateCreate: (job, context) => warnOfNew(validateJob(job), job, context, ABOUT),
  validateUpdate: (job, old, context) => warnOfChanged(validateJobUpdate(job, old), job, old, context, ABOUT),
  status: { validateUpdate: validateJobStatus },
  selectableFields: ({ status }) => ({ 'status.successful': String(status?.succeeded ?? 0) }),
  columns: [
    ...withNameAndAge<Job>(text('Status', stateOf), text('Completions', completions), text('Duration', duration)),
    ...templateColumns<Job>(({ spec }) => spec?.template),
    selectorColumn<Job>(({ spec }) => spec?.selector),
  ],
});
