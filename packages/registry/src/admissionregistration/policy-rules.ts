// What admission policies and their bindings must satisfy (apis/admissionregistration/validation/validation.go).
import type { admissionregistrationv1 } from '@tiphys/api';
import { cel, fieldError, jsonPath } from '@tiphys/machinery';
import { checkConditions } from '../rules/conditions.ts';
import { complain, type Errors, maybeOneOf, oneOf } from '../rules/errors.ts';
import { isDns1035Label, isDns1123Subdomain, isPathSegment, isQualifiedName, nameIsSubdomain } from '../rules/formats.ts';
import { checkLabelSelector } from '../rules/labels.ts';
import { checkCompiled, checkMatchConditions, checkMatchResources, oneOfGiven } from './matching.ts';

type ValidatingPolicy = admissionregistrationv1.ValidatingAdmissionPolicy;
type MutatingPolicy = admissionregistrationv1.MutatingAdmissionPolicy;
type Binding = admissionregistrationv1.ValidatingAdmissionPolicyBinding;

const ANNOTATIONS_MAX = 20;
const VALUE_EXPRESSION_BYTES_MAX = 5 * 1024;
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const ACTIONS = ['Audit', 'Deny', 'Warn'];
const hasNewlines = (text: string) => /[\n\r]/.test(text);

function checkParamKind(errors: Errors, at: string, kind: admissionregistrationv1.ParamKind | undefined): void {
  if (!kind) return;
  const { apiVersion = '', kind: name = '' } = kind;
  if (apiVersion === '') errors.push(fieldError.required(`${at}.apiVersion`));
  else {
    const parts = apiVersion.split('/');
    if (parts.length > 2) errors.push(fieldError.invalid(`${at}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
    else {
      const [version = '', group = ''] = parts.reverse();
      if (group) complain(errors, `${at}.apiVersion`, group, isDns1123Subdomain(group));
      if (version === '') errors.push(fieldError.invalid(`${at}.apiVersion`, apiVersion, 'version must be specified'));
      else complain(errors, `${at}.apiVersion`, version, isDns1035Label(version));
    }
  }
  const wrong = isDns1035Label(name.toLowerCase());
  if (name === '') errors.push(fieldError.required(`${at}.kind`));
  else if (wrong.length)
    errors.push(fieldError.invalid(`${at}.kind`, name, `may have mixed case, but should otherwise match: ${wrong.join(',')}`));
}

type Common = Pick<
  admissionregistrationv1.ValidatingAdmissionPolicySpec,
  'failurePolicy' | 'paramKind' | 'matchConstraints' | 'matchConditions' | 'variables'
>;

function checkCommon(errors: Errors, spec: Common, compiler: cel.PolicyCompiler, mutating: boolean): void {
  oneOfGiven(errors, 'spec.failurePolicy', spec.failurePolicy, ['Fail', 'Ignore']);
  checkParamKind(errors, 'spec.paramKind', spec.paramKind);
  if (!spec.matchConstraints) errors.push(fieldError.required('spec.matchConstraints'));
  else {
    checkMatchResources(errors, 'spec.matchConstraints', spec.matchConstraints, mutating);
    if (!spec.matchConstraints.resourceRules?.length) errors.push(fieldError.required('spec.matchConstraints.resourceRules'));
  }
  checkMatchConditions(errors, 'spec.matchConditions', spec.matchConditions, spec.paramKind !== undefined);
  spec.variables?.forEach(({ name, expression }, i) => {
    const at = `spec.variables[${i}]`;
    if (!name?.trim()) errors.push(fieldError.required(`${at}.name`, 'name is not specified'));
    else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) || cel.RESERVED_WORDS.has(name)) {
      errors.push(fieldError.invalid(`${at}.name`, name, 'must be a valid CEL identifier'));
    }
    if (!expression?.trim()) errors.push(fieldError.required(`${at}.expression`, 'expression is not specified'));
    else checkCompiled(errors, `${at}.expression`, compiler.variable(name, expression));
  });
}

function checkValidation(errors: Errors, at: string, validation: admissionregistrationv1.Validation, compiler: cel.PolicyCompiler): void {
  const { expression = '', message = '', messageExpression = '', reason } = validation;
  if (expression.trim() === '') errors.push(fieldError.required(`${at}.expression`, 'expression is not specified'));
  else checkCompiled(errors, `${at}.expression`, compiler.compile(expression, cel.RETURNS.bool));
  if (messageExpression !== '') {
    if (messageExpression.trim() === '')
      errors.push(fieldError.invalid(`${at}.messageExpression`, messageExpression, 'must be non-empty if specified'));
    else checkCompiled(errors, `${at}.messageExpression`, compiler.compile(messageExpression, cel.RETURNS.string));
  }
  if (message !== '' && message.trim() === '') errors.push(fieldError.invalid(`${at}.message`, message, 'must be non-empty if specified'));
  else if (hasNewlines(message.trim())) errors.push(fieldError.invalid(`${at}.message`, message, 'must not contain line breaks'));
  maybeOneOf(errors, `${at}.reason`, reason, REASONS);
}

function checkAnnotations(errors: Errors, { metadata, spec }: ValidatingPolicy, compiler: cel.PolicyCompiler): void {
  const annotations = spec?.auditAnnotations ?? [];
  const name = metadata?.name ?? '';
  const keys = new Set<string>();
  if (annotations.length > ANNOTATIONS_MAX) {
    errors.push(fieldError.invalid('spec.auditAnnotations', annotations, `must not have more than ${ANNOTATIONS_MAX} auditAnnotations`));
  }
  annotations.forEach(({ key, valueExpression = '' }, i) => {
    const at = `spec.auditAnnotations[${i}]`;
    if (name === '') errors.push(fieldError.invalid(`${at}.key`, key, 'requires metadata.name be non-empty'));
    else complain(errors, `${at}.key`, `${name}/${key}`, isQualifiedName(`${name}/${key}`));
    const trimmed = valueExpression.trim();
    if (trimmed === '') errors.push(fieldError.required(`${at}.valueExpression`, 'valueExpression is not specified'));
    else if (trimmed.length > VALUE_EXPRESSION_BYTES_MAX) {
      errors.push(fieldError.required(`${at}.valueExpression`, `must not exceed ${VALUE_EXPRESSION_BYTES_MAX} bytes in length`));
    } else checkCompiled(errors, `${at}.valueExpression`, compiler.compile(trimmed, cel.RETURNS.annotation));
    if (keys.has(key)) errors.push(fieldError.duplicate(`${at}.key`, key));
    keys.add(key);
  });
}

export function validateValidatingPolicy(policy: ValidatingPolicy): Errors {
  const errors: Errors = [];
  const spec = policy.spec ?? {};
  const variables = (spec.variables?.length ?? 0) > 0;
  const compiler = new cel.PolicyCompiler({ params: spec.paramKind !== undefined, authorizer: true, variables });
  checkCommon(errors, spec, compiler, false);
  if (!spec.validations?.length && !spec.auditAnnotations?.length) {
    const why = 'validations or auditAnnotations must contain at least one item';
    errors.push(fieldError.required('spec.validations', why), fieldError.required('spec.auditAnnotations', why));
    return errors;
  }
  spec.validations?.forEach((validation, i) => {
    checkValidation(errors, `spec.validations[${i}]`, validation, compiler);
  });
  checkAnnotations(errors, policy, compiler);
  return errors;
}

function pathFault(path: string): string | undefined {
  try {
    jsonPath(`{${path}}`);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export function validatePolicyStatus({ status }: ValidatingPolicy): Errors {
  const errors: Errors = [];
  status?.typeChecking?.expressionWarnings?.forEach(({ fieldRef = '', warning }, i) => {
    const at = `status.typeChecking.expressionWarnings[${i}]`;
    if (!warning) errors.push(fieldError.required(`${at}.warning`));
    const path = fieldRef.trim();
    const fault = path === '' ? undefined : pathFault(path);
    if (path === '') errors.push(fieldError.required(`${at}.fieldRef`));
    else if (fault !== undefined) errors.push(fieldError.invalid(`${at}.fieldRef`, path, `invalid JSONPath: ${fault}`));
  });
  checkConditions(errors, 'status.conditions', status?.conditions);
  return errors;
}

function checkMutation(errors: Errors, at: string, mutation: admissionregistrationv1.Mutation, compiler: cel.PolicyCompiler): void {
  const { patchType, applyConfiguration, jsonPatch } = mutation;
  oneOf(errors, `${at}.patchType`, patchType, ['ApplyConfiguration', 'JSONPatch']);
  const forms = [
    ['ApplyConfiguration', 'applyConfiguration', applyConfiguration, cel.RETURNS.apply],
    ['JSONPatch', 'jsonPatch', jsonPatch, cel.RETURNS.jsonPatch],
  ] as const;
  for (const [type, field, form, returns] of forms) {
    if (patchType !== 'ApplyConfiguration' && patchType !== 'JSONPatch') continue;
    if (type !== patchType) {
      if (form) errors.push(fieldError.invalid(`${at}.${field}`, `{${field}}`, `must not be specified when patchType is ${patchType}`));
    } else if (!form) errors.push(fieldError.required(`${at}.${field}`, `must be specified when patchType is ${patchType}`));
    else if (!form.expression?.trim()) errors.push(fieldError.required(`${at}.${field}.expression`));
    else checkCompiled(errors, `${at}.${field}.expression`, compiler.compile(form.expression.trim(), returns));
  }
}

export function validateMutatingPolicy({ spec = {} }: MutatingPolicy): Errors {
  const errors: Errors = [];
  const compiler = new cel.PolicyCompiler({ params: spec.paramKind !== undefined, authorizer: true, patches: true });
  checkCommon(errors, spec, compiler, true);
  if (!spec.mutations?.length) errors.push(fieldError.required('spec.mutations', 'mutations must contain at least one item'));
  spec.mutations?.forEach((mutation, i) => {
    checkMutation(errors, `spec.mutations[${i}]`, mutation, compiler);
  });
  oneOf(errors, 'spec.reinvocationPolicy', spec.reinvocationPolicy, ['IfNeeded', 'Never']);
  return errors;
}

function checkParamRef(errors: Errors, at: string, reference: admissionregistrationv1.ParamRef | undefined): void {
  if (!reference) return;
  const { name, selector, parameterNotFoundAction } = reference;
  const exclusive = 'name and selector are mutually exclusive';
  if (name) {
    complain(errors, `${at}.name`, name, isPathSegment(name));
    if (selector) errors.push(fieldError.forbidden(`${at}.name`, exclusive));
  }
  if (selector) {
    checkLabelSelector(errors, `${at}.selector`, selector);
    if (name) errors.push(fieldError.forbidden(`${at}.selector`, exclusive));
  }
  if (!name && !selector) errors.push(fieldError.required(at, 'one of name or selector must be specified'));
  oneOf(errors, `${at}.parameterNotFoundAction`, parameterNotFoundAction, ['Deny', 'Allow']);
}

function checkActions(errors: Errors, at: string, actions: readonly string[]): void {
  const seen = new Set<string>();
  actions.forEach((action, i) => {
    if (!ACTIONS.includes(action)) errors.push(fieldError.notSupported(`${at}[${i}]`, action, ACTIONS));
    if (seen.has(action)) errors.push(fieldError.duplicate(`${at}[${i}]`, action));
    seen.add(action);
  });
  if (seen.has('Deny') && seen.has('Warn')) {
    const why =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    errors.push(fieldError.invalid(at, actions, why));
  }
  if (seen.size === 0) errors.push(fieldError.required(at, 'at least one validation action is required'));
}

export function validateBinding(binding: Binding, mutating: boolean): Errors {
  const spec: Partial<NonNullable<Binding['spec']>> = binding.spec ?? {};
  const errors: Errors = [];
  if (!spec.policyName) errors.push(fieldError.required('spec.policyName'));
  else complain(errors, 'spec.policyName', spec.policyName, nameIsSubdomain(spec.policyName, false));
  checkParamRef(errors, 'spec.paramRef', spec.paramRef);
  checkMatchResources(errors, 'spec.matchResources', spec.matchResources, mutating);
  if (!mutating) checkActions(errors, 'spec.validationActions', spec.validationActions ?? []);
  return errors;
}
