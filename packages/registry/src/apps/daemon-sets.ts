// DaemonSets (registry/apps/daemonset/strategy.go, apis/apps/validation, printers printDaemonSet).
import { type appsv1, DecodeError } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { integer, mapText, selectorColumn, templateColumns, text, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { type Errors, IMMUTABLE, nonNegative } from '../rules/errors.ts';
import { checkLabelSelector, isEmptySelector } from '../rules/labels.ts';
import { amountOf, checkAtMost100Percent, checkCollisions, checkCounters, checkIntOrPercent } from '../rules/rollout.ts';
import { checkRunsForever, checkSelectorMatches, checkTemplate } from '../rules/template.ts';
import { warnOfChanged, warnOfNew } from '../rules/workload-warnings.ts';

type DaemonSet = appsv1.DaemonSet;

/** How often the template has changed; a field before apps/v1, an annotation since. */
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';
const GENERATION_MAX = 2n ** 63n;

/** Throws DecodeError with Go's words. */
function templateGeneration({ metadata }: DaemonSet): bigint {
  const text = metadata?.annotations?.[TEMPLATE_GENERATION];
  if (text === undefined) return 0n;
  const fault = (why: string) => new DecodeError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`);
  if (!/^[+-]?\d+$/.test(text)) throw fault('invalid syntax');
  const generation = BigInt(text.replace('+', ''));
  if (generation >= GENERATION_MAX || generation < -GENERATION_MAX) throw fault('value out of range');
  return generation;
}

function setTemplateGeneration(set: DaemonSet, generation: bigint): void {
  set.metadata!.annotations = { ...set.metadata!.annotations, [TEMPLATE_GENERATION]: String(generation) };
}

function checkStrategy(errors: Errors, strategy: appsv1.DaemonSetUpdateStrategy | undefined): void {
  const path = 'spec.updateStrategy';
  if (strategy?.type === 'OnDelete') return;
  if (strategy?.type !== 'RollingUpdate') {
    errors.push(fieldError.notSupported(path, strategy ?? {}, ['RollingUpdate', 'OnDelete']));
    return;
  }
  const rolling = strategy.rollingUpdate;
  if (!rolling) {
    errors.push(fieldError.required(`${path}.rollingUpdate`));
    return;
  }
  const { maxUnavailable, maxSurge } = rolling;
  checkIntOrPercent(errors, `${path}.rollingUpdate.maxUnavailable`, maxUnavailable);
  checkIntOrPercent(errors, `${path}.rollingUpdate.maxSurge`, maxSurge);
  checkAtMost100Percent(errors, `${path}.rollingUpdate.maxUnavailable`, maxUnavailable);
  checkAtMost100Percent(errors, `${path}.rollingUpdate.maxSurge`, maxSurge);
  const [unavailable, surge] = [amountOf(maxUnavailable) !== 0, amountOf(maxSurge) !== 0];
  if (unavailable && surge) {
    errors.push(fieldError.invalid(`${path}.rollingUpdate.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  } else if (!unavailable && !surge) {
    errors.push(fieldError.required(`${path}.rollingUpdate.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  }
}

function validate({ spec = {} as appsv1.DaemonSetSpec }: DaemonSet): Errors {
  const errors: Errors = [];
  checkLabelSelector(errors, 'spec.selector', spec.selector);
  checkSelectorMatches(errors, 'spec.template', spec.selector, spec.template);
  if (spec.selector && isEmptySelector(spec.selector)) {
    errors.push(fieldError.invalid('spec.selector', spec.selector, 'empty selector is invalid for daemonset'));
  }
  checkTemplate(errors, 'spec.template', spec.template);
  checkRunsForever(errors, 'spec.template', spec.template, 'DaemonSet');
  nonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  checkStrategy(errors, spec.updateStrategy);
  nonNegative(errors, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  return errors;
}

const COUNTERS = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
];

const ABOUT = {
  path: 'spec.template',
  template: ({ spec }: DaemonSet) => spec?.template,
  touches: (set: DaemonSet, old: DaemonSet) => templateGeneration(set) !== templateGeneration(old),
};

export const daemonSets = defineBuiltIn<DaemonSet>('apps', 'v1', 'daemonsets', {
  // Upstream's other form has it as a number, which is always there.
  setDefaults: (set) => setTemplateGeneration(set, templateGeneration(set)),
  prepareForCreate(set) {
    set.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
    const generation = templateGeneration(set);
    setTemplateGeneration(set, generation < 1n ? 1n : generation);
  },
  prepareForUpdate(set, old) {
    set.status = old.status;
    const changed = !sameValue(set.spec?.template, old.spec?.template);
    setTemplateGeneration(set, templateGeneration(old) + (changed ? 1n : 0n));
  },
  validateCreate: (set, context) => warnOfNew(validate(set), set, context, ABOUT),
  validateUpdate(set, old, context) {
    const errors: Errors = [];
    if (!sameValue(set.spec?.selector, old.spec?.selector)) {
      errors.push(fieldError.invalid('spec.selector', set.spec?.selector ?? null, IMMUTABLE));
    }
    return warnOfChanged([...errors, ...validate(set)], set, old, context, ABOUT);
  },
  status: {
    prepareForUpdate(set, old) {
      set.spec = old.spec!;
      setTemplateGeneration(set, templateGeneration(old));
    },
    validateUpdate({ status }, old) {
      const errors: Errors = [];
      checkCounters(errors, status, COUNTERS);
      checkCollisions(errors, status?.collisionCount, old.status?.collisionCount);
      return errors;
    },
  },
  columns: [
    ...withNameAndAge<DaemonSet>(
      integer('Desired', ({ status }) => status?.desiredNumberScheduled ?? 0),
      integer('Current', ({ status }) => status?.currentNumberScheduled ?? 0),
      integer('Ready', ({ status }) => status?.numberReady ?? 0),
      integer('Up-to-date', ({ status }) => status?.updatedNumberScheduled ?? 0),
      integer('Available', ({ status }) => status?.numberAvailable ?? 0),
      text('Node Selector', ({ spec }) => mapText(spec?.template?.spec?.nodeSelector)),
    ),
    ...templateColumns<DaemonSet>(({ spec }) => spec?.template),
    selectorColumn<DaemonSet>(({ spec }) => spec?.selector),
  ],
});
