export {
  type Column,
  defineResource,
  type ResourceDefinition,
  type RuleContext,
  type ScalePaths,
  type SubresourceDefinition,
} from './define-resource.ts';
