export { type BuiltInOptions, builtinDefinitions, isServed } from './built-in/definitions.ts';
export {
  type Claim,
  type Column,
  type DeleteOptions,
  defineResource,
  type ObjectOperations,
  type ResourceDefinition,
  type ResourceReader,
  type RuleContext,
  type ScalePaths,
  type SubresourceDefinition,
  type UpdateRules,
} from './define-resource.ts';
export {
  isConfigKey,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isPathSegment,
  isQualifiedName,
  nameIsDns1035Label,
  nameIsLabel,
  nameIsPathSegment,
  nameIsSubdomain,
} from './rules/formats.ts';
export { checkAnnotations, checkLabelSelector, checkLabels, selectorMatches, selectorText } from './rules/labels.ts';
export { validateMetadata, validateMetadataUpdate } from './rules/metadata.ts';
