export {
  escapeFieldValue,
  everyField,
  type FieldSelector,
  type FieldTerm,
  parseFieldSelector,
} from './field-selector.ts';
export {
  everyLabel,
  formatLabelSelector,
  type LabelSelector,
  type LabelSelectorObject,
  labelSelectorMatcher,
  labelSelectorObject,
  labelsMatcher,
  noLabel,
  parseLabelSelector,
} from './label-selector.ts';
export { type LabelOperator, type Labels, type Requirement, requirementMatches } from './requirement.ts';
