// Label selectors: from strings, from LabelSelector objects and from plain maps (apimachinery labels/selector.go,
// apis/meta/v1/helpers.go).
import { type StatusError, statusError } from '../status-error.ts';
import { parseRequirements } from './label-parser.ts';
import { type Labels, type Requirement, requirementErrors, requirementMatches, requirementText } from './requirement.ts';

/** metav1.LabelSelector as the wire carries it. */
export interface LabelSelectorObject {
  matchLabels?: Readonly<Record<string, string>>;
  matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

export interface LabelSelector {
  readonly requirements: readonly Requirement[];
  /** True when every object matches. */
  readonly empty: boolean;
  /** True when no object can match (a selector that was absent). */
  readonly nothing: boolean;
  matches(labels: Labels | undefined): boolean;
  /** The string form, which parses back to an equal selector. */
  toString(): string;
}

const NO_LABELS: Labels = {};

function selectorOf(requirements: readonly Requirement[], nothing = false): LabelSelector {
  return {
    requirements,
    nothing,
    empty: !nothing && requirements.length === 0,
    matches: (labels = NO_LABELS) => !nothing && requirements.every((requirement) => requirementMatches(requirement, labels)),
    toString: () => requirements.map(requirementText).join(','),
  };
}

export const everyLabel: LabelSelector = selectorOf([]);
export const noLabel: LabelSelector = selectorOf([], true);

const byKey = (requirements: Requirement[]) => requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));

/** Reads `app=web,tier in (a,b),!old`. Throws a BadRequest with upstream's sentence. */
export function parseLabelSelector(text: string): LabelSelector {
  if (text === '') return everyLabel;
  try {
    return selectorOf(parseRequirements(text));
  } catch (error) {
    throw badRequest(error);
  }
}

const badRequest = (error: unknown): StatusError => statusError.badRequest((error as Error).message);

const OPERATORS = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' } as const;

/** The matcher of a LabelSelector object: absent matches nothing, empty matches everything. Throws BadRequest for a bad one. */
export function labelSelectorMatcher(selector: LabelSelectorObject | null | undefined): LabelSelector {
  if (!selector) return noLabel;
  const requirements: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: '=',
    values: [value],
  }));
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    if (!Object.hasOwn(OPERATORS, operator)) {
      throw statusError.badRequest(`${JSON.stringify(operator)} is not a valid label selector operator`);
    }
    requirements.push({ key, operator: OPERATORS[operator as keyof typeof OPERATORS], values: [...values] });
  }
  for (const requirement of requirements) {
    const errors = requirementErrors(requirement);
    if (errors.length) {
      const lines = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))];
      throw statusError.badRequest(lines.length === 1 ? lines[0]! : `[${lines.join(', ')}]`);
    }
  }
  return requirements.length === 0 ? everyLabel : selectorOf(byKey(requirements));
}

/** Matches exactly the given labels, as Services and ReplicationControllers select; checks nothing. */
export function labelsMatcher(labels: Readonly<Record<string, string>> | undefined): LabelSelector {
  const requirements = Object.entries(labels ?? {}).map(([key, value]): Requirement => ({ key, operator: '=', values: [value] }));
  return requirements.length === 0 ? everyLabel : selectorOf(byKey(requirements));
}

/** A LabelSelector object as kubectl prints it: `<none>` when empty, `<error>` when it is malformed. */
export function formatLabelSelector(selector: LabelSelectorObject | null | undefined): string {
  try {
    return labelSelectorMatcher(selector).toString() || '<none>';
  } catch {
    return '<error>';
  }
}

/** The LabelSelector object that a selector string means. */
export function labelSelectorObject(text: string): LabelSelectorObject {
  const matchLabels: Record<string, string> = {};
  const matchExpressions: { key: string; operator: string; values?: string[] }[] = [];
  for (const { key, operator, values } of parseLabelSelector(text).requirements) {
    if (operator === '=' || operator === '==') matchLabels[key] = values[0]!;
    else if (operator === 'in') matchExpressions.push({ key, operator: 'In', values: [...values] });
    else if (operator === 'notin') matchExpressions.push({ key, operator: 'NotIn', values: [...values] });
    else if (operator === 'exists') matchExpressions.push({ key, operator: 'Exists' });
    else if (operator === '!') matchExpressions.push({ key, operator: 'DoesNotExist' });
    else throw statusError.badRequest(`${JSON.stringify(operator)} is not a valid label selector operator`);
  }
  return {
    ...(Object.keys(matchLabels).length ? { matchLabels } : {}),
    ...(matchExpressions.length ? { matchExpressions } : {}),
  };
}
