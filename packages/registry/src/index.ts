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
