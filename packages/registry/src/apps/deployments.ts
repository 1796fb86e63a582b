// Deployments (registry/apps/deployment/strategy.go, apis/apps/validation, printers printDeployment).
import type { appsv1 } from '@tiphys/api';
import { fieldError, jsonEqual } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { integer, selectorColumn, templateColumns, text, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { type Errors, IMMUTABLE, nonNegative } from '../rules/errors.ts';
import {
  amountOf,
  checkAtMost100Percent,
  checkCollisions,
  checkCounters,
  checkIntOrPercent,
  checkReplicaCounters,
} from '../rules/rollout.ts';
import { checkRunsForever, checkSelectorMatches, checkTemplate, checkWorkloadSelector } from '../rules/template.ts';
import { warnOfChanged, warnOfNew } from '../rules/workload-warnings.ts';

type Deployment = appsv1.Deployment;

function checkStrategy(errors: Errors, strategy: appsv1.DeploymentStrategy | undefined): void {
  const path = 'spec.strategy.rollingUpdate';
  const rolling = strategy?.rollingUpdate;
  if (strategy?.type === 'Recreate') {
    if (rolling) errors.push(fieldError.forbidden(path, "may not be specified when strategy `type` is 'Recreate'"));
  } else if (strategy?.type !== 'RollingUpdate') {
    errors.push(fieldError.notSupported('spec.strategy', strategy ?? {}, ['Recreate', 'RollingUpdate']));
  } else if (!rolling) {
    errors.push(fieldError.required(path, 'this should be defaulted and never be nil'));
  } else {
    checkIntOrPercent(errors, `${path}.maxUnavailable`, rolling.maxUnavailable);
    checkIntOrPercent(errors, `${path}.maxSurge`, rolling.maxSurge);
    if (amountOf(rolling.maxUnavailable) === 0 && amountOf(rolling.maxSurge) === 0) {
      errors.push(fieldError.invalid(`${path}.maxUnavailable`, rolling.maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0'));
    }
    checkAtMost100Percent(errors, `${path}.maxUnavailable`, rolling.maxUnavailable);
  }
}

function validate({ spec = {} as appsv1.DeploymentSpec }: Deployment): Errors {
  const errors: Errors = [];
  nonNegative(errors, 'spec.replicas', spec.replicas);
  if (checkWorkloadSelector(errors, 'spec.selector', spec.selector, 'deployment')) {
    checkSelectorMatches(errors, 'spec.template', spec.selector, spec.template);
    checkTemplate(errors, 'spec.template', spec.template);
    checkRunsForever(errors, 'spec.template', spec.template, 'ReplicaSet');
  } else errors.push(fieldError.invalid('spec.selector', spec.selector, 'invalid label selector'));
  checkStrategy(errors, spec.strategy);
  nonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  nonNegative(errors, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  const deadline = spec.progressDeadlineSeconds;
  nonNegative(errors, 'spec.progressDeadlineSeconds', deadline);
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    errors.push(fieldError.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  }
  return errors;
}

const COUNTERS = ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas'];

const ABOUT = { path: 'spec.template', template: ({ spec }: Deployment) => spec?.template, named: true };

export const deployments = defineBuiltIn<Deployment>('apps', 'v1', 'deployments', {
  prepareForCreate(deployment) {
    deployment.status = {};
  },
  prepareForUpdate(deployment, old) {
    deployment.status = old.status;
    // Rollbacks of old were asked for by annotation, so that annotations count as spec.
    if (!jsonEqual(deployment.metadata?.annotations ?? {}, old.metadata?.annotations ?? {})) {
      deployment.metadata!.generation = (old.metadata?.generation ?? 0) + 1;
    }
  },
  validateCreate: (deployment, context) => warnOfNew(validate(deployment), deployment, context, ABOUT),
  validateUpdate(deployment, old, context) {
    const errors = validate(deployment);
    if (!sameValue(deployment.spec?.selector, old.spec?.selector)) {
      errors.push(fieldError.invalid('spec.selector', deployment.spec?.selector ?? null, IMMUTABLE));
    }
    return warnOfChanged(errors, deployment, old, context, ABOUT);
  },
  status: {
    validateUpdate({ status }, old) {
      const errors: Errors = [];
      checkCounters(errors, status, [...COUNTERS, 'terminatingReplicas', 'collisionCount']);
      checkReplicaCounters(errors, status, ['updatedReplicas', 'readyReplicas', 'availableReplicas']);
      checkCollisions(errors, status?.collisionCount, old.status?.collisionCount);
      return errors;
    },
  },
  columns: [
    ...withNameAndAge<Deployment>(
      text('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
      integer('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0),
      integer('Available', ({ status }) => status?.availableReplicas ?? 0),
    ).map((column) => ({ ...column, type: 'string' as const })),
    ...templateColumns<Deployment>(({ spec }) => spec?.template),
    selectorColumn<Deployment>(({ spec }) => spec?.selector),
  ],
});
