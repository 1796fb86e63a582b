// Selectors as reviews write them, as the text that a request would carry (pkg/registry/authorization/util/helpers.go).
import type { authorizationv1 } from '@tiphys/api';
import { escapeFieldValue, parseFieldSelector, parseLabelSelector } from '@tiphys/machinery';

type Selector = authorizationv1.FieldSelectorAttributes;
type Requirement = NonNullable<Selector['requirements']>[number];

/** What could be read. A selector only narrows, so the rest is left out, which widens the question. */
export interface SelectorReading {
  text: string;
  isWhole: boolean;
}

function readable(text: string, parse: (text: string) => unknown): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

function readingOf(
  selector: Selector | undefined,
  parse: (text: string) => unknown,
  textOf: (requirement: Requirement) => string | undefined,
): SelectorReading {
  const { rawSelector, requirements } = selector ?? {};
  if (rawSelector) return readable(rawSelector, parse) ? { text: rawSelector, isWhole: true } : { text: '', isWhole: false };
  const texts = (requirements ?? []).map(textOf);
  const read = texts.filter((text) => text !== undefined && readable(text, parse));
  return { text: read.join(','), isWhole: read.length === texts.length };
}

/** Only one value each: field selectors know no sets. */
function fieldText({ key, operator, values = [] }: Requirement): string | undefined {
  if (values.length !== 1 || (operator !== 'In' && operator !== 'NotIn')) return undefined;
  return `${key}${operator === 'In' ? '=' : '!='}${escapeFieldValue(values[0]!)}`;
}

function labelText({ key, operator, values = [] }: Requirement): string | undefined {
  if (operator === 'Exists' || operator === 'DoesNotExist') {
    return values.length > 0 ? undefined : `${operator === 'Exists' ? '' : '!'}${key}`;
  }
  if ((operator !== 'In' && operator !== 'NotIn') || values.length === 0) return undefined;
  return `${key} ${operator.toLowerCase()} (${values.join(',')})`;
}

export const fieldSelectorOf = (selector: Selector | undefined) => readingOf(selector, parseFieldSelector, fieldText);
export const labelSelectorOf = (selector: authorizationv1.LabelSelectorAttributes | undefined) =>
  readingOf(selector as Selector | undefined, parseLabelSelector, labelText);
