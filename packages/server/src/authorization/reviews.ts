// "May they?" asked over the API: the four kinds of authorization.k8s.io (pkg/registry/authorization, pkg/apis/authorization/validation).
import type { authorizationv1, KubeObject, metav1 } from '@tiphys/api';
import { type FieldError, fieldError, statusError, type UserInfo } from '@tiphys/machinery';
import { checkLabelSelector, type RuleContext } from '@tiphys/registry';
import type { AuthorizationAttributes, Authorizer } from '../interfaces.ts';
import { fieldSelectorOf, labelSelectorOf, type SelectorReading } from './review-selectors.ts';
import type { RulesResolver } from './structured/authorizers.ts';

type Review = authorizationv1.SubjectAccessReview;
type SelfReview = authorizationv1.SelfSubjectAccessReview;
type RulesReview = authorizationv1.SelfSubjectRulesReview;
type Spec = authorizationv1.SubjectAccessReviewSpec;

export type ReviewFunction = (object: any, context: RuleContext) => Promise<KubeObject>;

const GROUP = 'authorization.k8s.io';

/** The answers by resource name. */
export function accessReviews(authorizer: Authorizer, resolver: RulesResolver): Record<string, ReviewFunction> {
  const answer = async <T extends Review | SelfReview>(review: T, user: UserInfo): Promise<T> => {
    const { attributes, problems } = attributesOf(review.spec, user);
    const { decision, reason, error } = await authorizer.authorize(attributes);
    const evaluationError = [...(error === undefined ? [] : [error]), ...problems].join('; ');
    const status = {
      allowed: decision === 'allow',
      ...(decision === 'deny' ? { denied: true } : {}),
      ...(reason ? { reason } : {}),
      ...(evaluationError ? { evaluationError } : {}),
    };
    return { ...review, status };
  };
  // Upstream leaves out the kind here.
  const refuse = (errors: FieldError[]) => {
    if (errors.length > 0) throw statusError.invalid({ group: GROUP, kind: '' }, '', errors);
  };
  return {
    async subjectaccessreviews(review: Review) {
      refuse([...validateSubjectSpec(review.spec), ...validateMetadata(review, false)]);
      return answer(review, userOf(review.spec));
    },
    async localsubjectaccessreviews(review: Review, context) {
      refuse([...validateSubjectSpec(review.spec), ...validateMetadata(review, true), ...validateLocal(review, context)]);
      return answer(review, userOf(review.spec));
    },
    async selfsubjectaccessreviews(review: SelfReview, context) {
      refuse([...validateSpec(review.spec), ...validateMetadata(review, false)]);
      return answer(review, context.user);
    },
    async selfsubjectrulesreviews(review: RulesReview, context) {
      const namespace = review.spec.namespace ?? '';
      if (namespace === '') throw statusError.badRequest('no namespace on request');
      return { ...review, metadata: {}, spec: {}, status: rulesStatus(resolver.rulesFor(context.user, namespace)) };
    },
  };
}

const userOf = (spec: Spec): UserInfo => ({
  name: spec.user ?? '',
  groups: spec.groups ?? [],
  ...(spec.uid ? { uid: spec.uid } : {}),
  ...(spec.extra ? { extra: spec.extra } : {}),
});

interface Question {
  attributes: AuthorizationAttributes;
  /** What of the selectors could not be read. */
  problems: string[];
}

function attributesOf(spec: Spec | authorizationv1.SelfSubjectAccessReviewSpec, user: UserInfo): Question {
  const resource = spec.resourceAttributes;
  const none = { apiGroup: '', apiVersion: '', namespace: '', resource: '', subresource: '', name: '' };
  if (!resource) {
    const { path = '', verb = '' } = spec.nonResourceAttributes ?? {};
    return { attributes: { ...none, user, verb, isResourceRequest: false, path }, problems: [] };
  }
  const fields = fieldSelectorOf(resource.fieldSelector);
  const labels = labelSelectorOf(resource.labelSelector);
  const attributes = {
    user,
    verb: resource.verb ?? '',
    isResourceRequest: true,
    path: '',
    apiGroup: resource.group ?? '',
    apiVersion: resource.version || '*',
    namespace: resource.namespace ?? '',
    resource: resource.resource ?? '',
    subresource: resource.subresource ?? '',
    name: resource.name ?? '',
    ...(fields.text ? { fieldSelector: fields.text } : {}),
    ...(labels.text ? { labelSelector: labels.text } : {}),
  };
  return { attributes, problems: [...problemOf('fieldSelector', fields), ...problemOf('labelSelector', labels)] };
}

function problemOf(name: string, { text, isWhole }: SelectorReading): string[] {
  return isWhole ? [] : [`spec.resourceAttributes.${name} ${text ? 'partially ignored' : 'ignored'} due to parse error`];
}

/** As upstream's internal type prints it. */
const goValue = ({ path = '', verb = '' }: authorizationv1.NonResourceAttributes) => ({ Path: path, Verb: verb });

function validateSpec(spec: authorizationv1.SelfSubjectAccessReviewSpec): FieldError[] {
  const errors: FieldError[] = [];
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (resource && path) {
    errors.push(
      fieldError.invalid('spec.nonResourceAttributes', goValue(path), 'cannot be specified in combination with resourceAttributes'),
    );
  }
  if (!resource && !path) {
    errors.push(
      fieldError.invalid('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'),
    );
  }
  const selectors = { fieldSelector: resource?.fieldSelector, labelSelector: resource?.labelSelector };
  for (const [name, selector] of Object.entries(selectors)) {
    if (!selector) continue;
    const field = `spec.resourceAttributes.${name}`;
    if (selector.rawSelector && selector.requirements?.length) {
      errors.push(fieldError.invalid(`${field}.rawSelector`, selector.rawSelector, 'may not specified at the same time as requirements'));
    }
    if (!selector.rawSelector && !selector.requirements?.length) {
      errors.push(fieldError.required(`${field}.requirements`, `when ${field} is specified, requirements or rawSelector is required`));
    }
    errors.push(
      ...(name === 'fieldSelector' ? fieldRequirementErrors : labelRequirementErrors)(`${field}.requirements`, selector.requirements),
    );
  }
  return errors;
}

type Requirements = authorizationv1.FieldSelectorAttributes['requirements'];

function fieldRequirementErrors(path: string, requirements: Requirements): FieldError[] {
  return (requirements ?? []).flatMap(({ key, operator, values = [] }, i) => {
    const errors: FieldError[] = [];
    if (!key) errors.push(fieldError.required(`${path}[${i}].key`, 'must be specified'));
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
      errors.push(fieldError.required(`${path}[${i}].values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    }
    if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
      errors.push(fieldError.forbidden(`${path}[${i}].values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    }
    return errors;
  });
}

/** As in any selector, but operators that a newer client may know are let through. */
function labelRequirementErrors(path: string, requirements: Requirements): FieldError[] {
  const errors: FieldError[] = [];
  checkLabelSelector(errors, '', { matchExpressions: requirements as metav1.LabelSelectorRequirement[] });
  return errors
    .filter(({ field }) => !field.endsWith('.operator'))
    .map((error) => ({ ...error, field: error.field.replace('.matchExpressions', path) }));
}

function validateSubjectSpec(spec: Spec): FieldError[] {
  const errors = validateSpec(spec);
  if (!spec.user && !spec.groups?.length) {
    errors.push(fieldError.invalid('spec.user', '', 'at least one of user or group must be specified'));
  }
  return errors;
}

function validateMetadata(object: KubeObject, local: boolean): FieldError[] {
  const { managedFields: _managers, namespace, ...rest } = object.metadata ?? {};
  const set = Object.values(rest).some((value) => value !== undefined && value !== null) || (!local && namespace);
  return set ? [fieldError.invalid('metadata', object.metadata, local ? 'must be empty except for namespace' : 'must be empty')] : [];
}

function validateLocal(review: Review, context: RuleContext): FieldError[] {
  const errors: FieldError[] = [];
  const namespace = review.spec.resourceAttributes?.namespace ?? '';
  if (review.spec.resourceAttributes && namespace !== (review.metadata?.namespace ?? context.namespace ?? '')) {
    errors.push(fieldError.invalid('spec.resourceAttributes.namespace', namespace, 'must match metadata.namespace'));
  }
  if (review.spec.nonResourceAttributes) {
    errors.push(
      fieldError.invalid('spec.nonResourceAttributes', goValue(review.spec.nonResourceAttributes), 'disallowed on this kind of request'),
    );
  }
  return errors;
}

function rulesStatus({ rules, errors, incomplete }: ReturnType<RulesResolver['rulesFor']>): authorizationv1.SubjectRulesReviewStatus {
  return {
    resourceRules: rules
      .filter((rule) => rule.resources?.length)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames?.length ? { resourceNames } : {}),
      })),
    nonResourceRules: rules
      .filter((rule) => rule.nonResourceURLs?.length)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete,
    ...(errors.length > 0 ? { evaluationError: errors.length === 1 ? errors[0] : `[${errors.join(', ')}]` } : {}),
  };
}
