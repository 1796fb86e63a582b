export {
  type Column,
  defineResource,
  type ResourceDefinition,
  type ResourceReader,
  type RuleContext,
  type ScalePaths,
  type SubresourceDefinition,
} from './define-resource.ts';
