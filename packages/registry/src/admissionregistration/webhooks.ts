// Webhook configurations (registry/admissionregistration, apis/admissionregistration/validation, printers printMutatingWebhook).
import { type admissionregistrationv1, cameUnlikeStored } from '@tiphys/api';
import { fieldError, holdsUnlike } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { integer, withNameAndAge } from '../rules/columns.ts';
import { complain, type Errors } from '../rules/errors.ts';
import { isDns1035Label, isDns1123Subdomain } from '../rules/formats.ts';
import { checkLabelSelector } from '../rules/labels.ts';
import { checkWebhookClient } from '../rules/webhook-client.ts';
import { checkMatchConditions, checkRule, oneOfGiven } from './matching.ts';

type Mutating = admissionregistrationv1.MutatingWebhookConfiguration;
type Validating = admissionregistrationv1.ValidatingWebhookConfiguration;
type Webhook = admissionregistrationv1.MutatingWebhook;

const GROUP = 'admissionregistration.k8s.io';
const KNOWN_REVIEW_VERSIONS = ['v1', 'v1beta1'];
const TIMEOUT_SECONDS_MAX = 30;

function checkWebhook(errors: Errors, at: string, hook: Webhook, mutating: boolean): void {
  const name = hook.name ?? '';
  if (!name) errors.push(fieldError.required(`${at}.name`));
  else if (isDns1123Subdomain(name).length) errors.push(fieldError.invalid(`${at}.name`, name, isDns1123Subdomain(name).join(',')));
  else if (name.split('.').length < 3) {
    errors.push(fieldError.invalid(`${at}.name`, name, 'should be a domain with at least three segments separated by dots'));
  }
  hook.rules?.forEach((rule, i) => {
    checkRule(errors, `${at}.rules[${i}]`, rule);
  });
  oneOfMaybe(errors, `${at}.failurePolicy`, hook.failurePolicy, ['Fail', 'Ignore']);
  oneOfMaybe(errors, `${at}.matchPolicy`, hook.matchPolicy, ['Equivalent', 'Exact']);
  if (hook.sideEffects === undefined || hook.sideEffects === null) {
    errors.push(fieldError.required(`${at}.sideEffects`, 'must specify one of None, NoneOnDryRun'));
  } else oneOfGiven(errors, `${at}.sideEffects`, hook.sideEffects, ['None', 'NoneOnDryRun']);
  const seconds = hook.timeoutSeconds;
  if (seconds !== undefined && (seconds > TIMEOUT_SECONDS_MAX || seconds < 1)) {
    const why = 'the timeout value must be between 1 and 30 seconds';
    errors.push(fieldError.invalid(`${at}.timeoutSeconds`, seconds, why));
  }
  checkLabelSelector(errors, `${at}.namespaceSelector`, hook.namespaceSelector);
  checkLabelSelector(errors, `${at}.objectSelector`, hook.objectSelector);
  checkWebhookClient(errors, `${at}.clientConfig`, hook.clientConfig);
  if (mutating) oneOfMaybe(errors, `${at}.reinvocationPolicy`, hook.reinvocationPolicy, ['IfNeeded', 'Never']);
  checkVersions(errors, `${at}.admissionReviewVersions`, hook.admissionReviewVersions);
  checkMatchConditions(errors, `${at}.matchConditions`, hook.matchConditions, false);
}

function oneOfMaybe(errors: Errors, path: string, value: string | undefined, supported: readonly string[]): void {
  if (value !== undefined && !supported.includes(value)) errors.push(fieldError.notSupported(path, value, supported));
}

function checkVersions(errors: Errors, path: string, versions: readonly string[] | undefined): void {
  if (!versions?.length) {
    errors.push(fieldError.required(path, 'must specify one of v1, v1beta1'));
    return;
  }
  const seen = new Set<string>();
  versions.forEach((version, i) => {
    if (seen.has(version)) errors.push(fieldError.invalid(`${path}[${i}]`, version, 'duplicate version'));
    seen.add(version);
    complain(errors, `${path}[${i}]`, version, isDns1035Label(version));
  });
  if (!versions.some((version) => KNOWN_REVIEW_VERSIONS.includes(version))) {
    errors.push(fieldError.invalid(path, versions, 'must include at least one of v1, v1beta1'));
  }
}

function validate({ webhooks }: Mutating | Validating, mutating: boolean): Errors {
  const errors: Errors = [];
  const names = new Set<string>();
  webhooks?.forEach((hook, i) => {
    checkWebhook(errors, `webhooks[${i}]`, hook as Webhook, mutating);
    if (hook.name && names.has(hook.name)) errors.push(fieldError.duplicate(`webhooks[${i}].name`, hook.name));
    names.add(hook.name);
  });
  return errors;
}

/** A list or map that comes empty counts as a change each time, since what is stored has none (strategy.go compares by reflection). */
function countEmpty(object: Mutating | Validating, old: Mutating | Validating): void {
  if (cameUnlikeStored(object) || holdsUnlike(object.webhooks)) object.metadata!.generation = (old.metadata!.generation ?? 0) + 1;
}

const count = ({ webhooks }: Mutating | Validating) => webhooks?.length ?? 0;

export const mutatingWebhooks = defineBuiltIn<Mutating>(GROUP, 'v1', 'mutatingwebhookconfigurations', {
  validateCreate: (object) => validate(object, true),
  validateUpdate: (object) => validate(object, true),
  prepareForUpdate: countEmpty,
  columns: withNameAndAge<Mutating>(integer('Webhooks', count)),
});

export const validatingWebhooks = defineBuiltIn<Validating>(GROUP, 'v1', 'validatingwebhookconfigurations', {
  validateCreate: (object) => validate(object, false),
  validateUpdate: (object) => validate(object, false),
  prepareForUpdate: countEmpty,
  columns: withNameAndAge<Validating>(integer('Webhooks', count)),
});
