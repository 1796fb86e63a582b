// What is asked, as a SubjectAccessReview says it: for webhooks and for the expressions that choose among them (apiserver
// plugin/pkg/authorizer/webhook/webhook.go resourceAttributesFrom).
import type { authorizationv1 } from '@tiphys/api';
import { type LabelOperator, parseFieldSelector, parseLabelSelector } from '@tiphys/machinery';
import type { AuthorizationAttributes } from '../../interfaces.ts';

type Spec = authorizationv1.SubjectAccessReviewSpec;
type Selector = authorizationv1.FieldSelectorAttributes;

const LABEL_OPERATORS: Partial<Record<LabelOperator, string>> = {
  '=': 'In',
  '==': 'In',
  in: 'In',
  '!=': 'NotIn',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

/** A selector only narrows, so one that can't be read is left out. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function fieldRequirements(text: string): Selector | undefined {
  const terms = attempt(() => parseFieldSelector(text))?.terms ?? [];
  const requirements = terms.map(({ field, operator, value }) => ({
    key: field,
    operator: operator === '=' ? 'In' : 'NotIn',
    values: [value],
  }));
  return requirements.length > 0 ? { requirements } : undefined;
}

function labelRequirements(text: string): Selector | undefined {
  const all = attempt(() => parseLabelSelector(text))?.requirements ?? [];
  const requirements = all.flatMap(({ key, operator, values }) => {
    const known = LABEL_OPERATORS[operator];
    return known ? [{ key, operator: known, ...(values.length > 0 ? { values: [...values] } : {}) }] : [];
  });
  return requirements.length > 0 ? { requirements } : undefined;
}

const set = (fields: Record<string, string>) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));

/** As it goes over the wire: without what is empty. */
export function reviewSpec(attributes: AuthorizationAttributes): Spec {
  const { user, verb, path, fieldSelector, labelSelector } = attributes;
  const subject = {
    ...(user.name ? { user: user.name } : {}),
    ...(user.groups.length > 0 ? { groups: [...user.groups] } : {}),
    ...(user.extra ? { extra: user.extra as Spec['extra'] & object } : {}),
    ...(user.uid ? { uid: user.uid } : {}),
  };
  if (!attributes.isResourceRequest) return { nonResourceAttributes: set({ path, verb }), ...subject };
  const { namespace, apiGroup, apiVersion, resource, subresource, name } = attributes;
  const fields = fieldSelector ? fieldRequirements(fieldSelector) : undefined;
  const labels = labelSelector ? labelRequirements(labelSelector) : undefined;
  return {
    resourceAttributes: {
      ...set({ namespace, verb, group: apiGroup, version: apiVersion, resource, subresource, name }),
      ...(fields ? { fieldSelector: fields } : {}),
      ...(labels ? { labelSelector: labels } : {}),
    },
    ...subject,
  };
}
