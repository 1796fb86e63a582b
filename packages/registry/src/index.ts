export { builtinDefinitions, builtinGroupVersions } from './built-in/definitions.ts';
export type { BuiltInOptions } from './built-in/options.ts';
export { isServed, parseRuntimeConfig } from './built-in/served.ts';
export { authorityBundleFault } from './certificates/authority-bundle.ts';
export {
  type Claim,
  type Column,
  type DeleteOptions,
  defineResource,
  type ObjectOperations,
  type Permission,
  type ResourceDefinition,
  type ResourceReader,
  type RuleContext,
  type ScalePaths,
  type SubresourceDefinition,
  type UpdateRules,
  VALUES_MAX,
} from './define-resource.ts';
export { ageColumn, integer, nameColumn } from './rules/columns.ts';
export { sameValue } from './rules/equality.ts';
export { isDns1035Label, isDns1123Subdomain, isQualifiedName, nameIsPathSegment } from './rules/formats.ts';
export { keepMetadata } from './rules/kept-metadata.ts';
export { checkKeyName } from './rules/key-name.ts';
export { checkAnnotations, checkLabelSelector, checkLabels, selectorMatches, selectorText } from './rules/labels.ts';
export {
  checkObjectMeta,
  validateCommonMetadata,
  validateMetadata,
  validateMetadataUpdate,
  validateScaleMetadata,
} from './rules/metadata.ts';
export { checkWebhookClient } from './rules/webhook-client.ts';
