export { customResourceCleanup } from './cleanup-plugin.ts';
export { CLEANUP_FINALIZER, type CustomResources, customResources } from './controller.ts';
export { customResourceDefinitionRules } from './definition-rules.ts';
export { schemaName, servedVersion } from './served-version.ts';
