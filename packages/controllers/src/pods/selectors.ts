// Compiled selectors, kept beside the object they came from: cached objects never change.
import { type LabelSelector, type LabelSelectorObject, labelSelectorMatcher, noLabel } from '@tiphys/machinery';

const compiled = new WeakMap<object, LabelSelector>();

/** A selector that can't be read matches nothing, as upstream's controllers have it. */
export function selectorOf(selector: LabelSelectorObject | undefined): LabelSelector {
  if (!selector) return noLabel;
  const known = compiled.get(selector);
  if (known) return known;
  let made: LabelSelector;
  try {
    made = labelSelectorMatcher(selector);
  } catch {
    made = noLabel;
  }
  compiled.set(selector, made);
  return made;
}

/** For `owns[].matches`: by labels; an empty selector matches nothing, as no controller may own everything. */
export function matchesSelector(selector: LabelSelectorObject | undefined) {
  const matcher = selectorOf(selector);
  if (matcher.nothing || matcher.empty) return undefined;
  return (object: { metadata?: { labels?: Record<string, string> } }) => matcher.matches(object.metadata?.labels);
}
