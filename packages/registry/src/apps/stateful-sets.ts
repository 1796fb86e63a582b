// StatefulSets (registry/apps/statefulset/strategy.go, apis/apps/validation, printers printStatefulSet).
import type { appsv1, corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { baseDefinition, defineBuiltIn } from '../built-in/base.ts';
import type { RuleContext } from '../define-resource.ts';
import { templateColumns, text, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, nonNegative } from '../rules/errors.ts';
import { isDns1123Label, nameIsLabel } from '../rules/formats.ts';
import {
  amountOf,
  checkAtMost100Percent,
  checkCollisions,
  checkCounters,
  checkIntOrPercent,
  checkReplicaCounters,
} from '../rules/rollout.ts';
import { checkRunsForever, checkSelectorMatches, checkTemplate, checkWorkloadSelector } from '../rules/template.ts';
import { checkClaimSpec } from '../rules/volume-claims.ts';
import { warnOfChanged, warnOfClaim, warnOfNew } from '../rules/workload-warnings.ts';

type StatefulSet = appsv1.StatefulSet;
type Spec = appsv1.StatefulSetSpec;

const RETENTION = ['Retain', 'Delete'];
const MUTABLE = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
] as const;

function checkStrategy(errors: Errors, strategy: appsv1.StatefulSetUpdateStrategy | undefined): void {
  const path = 'spec.updateStrategy';
  const rolling = strategy?.rollingUpdate;
  if (!strategy?.type) errors.push(fieldError.required(path));
  else if (strategy.type === 'OnDelete') {
    if (rolling) errors.push(fieldError.invalid(`${path}.rollingUpdate`, rolling, "only allowed for updateStrategy 'RollingUpdate'"));
  } else if (strategy.type !== 'RollingUpdate') {
    errors.push(fieldError.invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'"));
  } else if (rolling) {
    nonNegative(errors, `${path}.rollingUpdate.partition`, rolling.partition);
    if (rolling.maxUnavailable === undefined) return;
    const at = `${path}.rollingUpdate.maxUnavailable`;
    checkIntOrPercent(errors, at, rolling.maxUnavailable);
    if (amountOf(rolling.maxUnavailable) === 0) errors.push(fieldError.invalid(at, rolling.maxUnavailable, 'cannot be 0'));
    checkAtMost100Percent(errors, at, rolling.maxUnavailable);
  }
}

/** The template as its pods will be: with a volume for every claim, and without names that the controller gives. */
function effectiveTemplate({ template, volumeClaimTemplates }: Spec): corev1.PodTemplateSpec | undefined {
  const spec = template?.spec;
  if (!spec || (!spec.subdomain && !spec.hostname && !volumeClaimTemplates?.length)) return template;
  const { subdomain: _subdomain, hostname: _hostname, ...rest } = spec;
  const claims = [...new Set((volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? ''))];
  const volumes = [
    ...claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
    ...(spec.volumes ?? []).filter(({ name }) => !claims.includes(name)),
  ];
  return { ...template, spec: { ...rest, volumes } };
}

function validate({ spec = {} as Spec }: StatefulSet, isNew: boolean): Errors {
  const errors: Errors = [];
  const policy = spec.podManagementPolicy;
  if (!policy) errors.push(fieldError.required('spec.podManagementPolicy'));
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    errors.push(fieldError.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'"));
  }
  checkStrategy(errors, spec.updateStrategy);
  for (const name of ['whenDeleted', 'whenScaled'] as const) {
    const value = spec.persistentVolumeClaimRetentionPolicy?.[name];
    if (!spec.persistentVolumeClaimRetentionPolicy || RETENTION.includes(value ?? '')) continue;
    errors.push(fieldError.notSupported(`spec.persistentVolumeClaimRetentionPolicy.${name}`, value ?? '', RETENTION));
  }
  if (isNew) {
    spec.volumeClaimTemplates?.forEach((claim, i) => {
      checkClaimSpec(errors, `spec.volumeClaimTemplates[${i}].spec`, claim.spec ?? {});
    });
  }
  nonNegative(errors, 'spec.replicas', spec.replicas);
  nonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  nonNegative(errors, 'spec.ordinals.start', spec.ordinals?.start);
  if (isNew && spec.serviceName) complain(errors, 'spec.serviceName', spec.serviceName, isDns1123Label(spec.serviceName));
  if (checkWorkloadSelector(errors, 'spec.selector', spec.selector, 'statefulset')) {
    checkSelectorMatches(errors, 'spec.template', spec.selector, spec.template);
    checkTemplate(errors, 'spec.template', effectiveTemplate(spec));
  } else errors.push(fieldError.invalid('spec.selector', spec.selector, ''));
  checkRunsForever(errors, 'spec.template', spec.template, 'StatefulSet');
  return errors;
}

function withoutMutable(spec: Spec | undefined): Partial<Spec> {
  const rest: Partial<Spec> = { ...spec };
  for (const name of MUTABLE) delete rest[name];
  return rest;
}

const { dropDisabled: dropFromTemplate } = baseDefinition<StatefulSet>('apps', 'v1', 'statefulsets');

/** How many pods may be down at once is for a feature that is off unless asked for; a set that has it keeps it. */
function dropDisabled(set: StatefulSet, old?: StatefulSet): void {
  dropFromTemplate?.(set, old);
  if (old?.spec?.updateStrategy?.rollingUpdate?.maxUnavailable === undefined)
    delete set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable;
}

const OF_REPLICAS = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'];

const ABOUT = {
  path: 'spec.template',
  template: ({ spec }: StatefulSet) => spec?.template,
  more({ spec }: StatefulSet, warn: RuleContext['warn'], { isNew }: { isNew: boolean }) {
    spec?.volumeClaimTemplates?.forEach((claim, i) => {
      warnOfClaim(warn, `spec.volumeClaimTemplates[${i}]${isNew ? '' : '.Spec'}`, claim.spec);
    });
    if ((spec?.revisionHistoryLimit ?? 0) >= 0) return;
    warn('spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended');
  },
};

export const statefulSets = defineBuiltIn<StatefulSet>('apps', 'v1', 'statefulsets', {
  validateName: nameIsLabel,
  dropDisabled,
  prepareForCreate(set) {
    set.status = { replicas: 0, availableReplicas: 0 } as appsv1.StatefulSetStatus;
  },
  validateCreate: (set, context) => warnOfNew(validate(set, true), set, context, ABOUT),
  validateUpdate(set, old, context) {
    const errors = validate(set, false);
    if (!sameValue(withoutMutable(set.spec), withoutMutable(old.spec))) {
      const why =
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
      errors.push(fieldError.forbidden('spec', why));
    }
    return warnOfChanged(errors, set, old, context, ABOUT);
  },
  status: {
    validateUpdate({ status }, old) {
      const errors: Errors = [];
      checkCounters(errors, status, ['replicas', ...OF_REPLICAS, 'observedGeneration', 'collisionCount']);
      checkReplicaCounters(errors, status, OF_REPLICAS, 'status.readyReplicas');
      checkCollisions(errors, status?.collisionCount, old.status?.collisionCount);
      return errors;
    },
  },
  columns: [
    ...withNameAndAge<StatefulSet>(text('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`)),
    ...templateColumns<StatefulSet>(({ spec }) => spec?.template),
  ],
});
