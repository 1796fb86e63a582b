export { CLEANUP_FINALIZER } from './conditions.ts';
export { type CustomResources, customResources } from './controller.ts';
export { customResourceDefinitionRules } from './definition-rules.ts';
export { schemaName, servedVersion } from './served-version.ts';
