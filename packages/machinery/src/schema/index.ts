export { tableWithCustomType } from './convert.ts';
export { definitionSchemaErrors } from './definition.ts';
export { hasRules, type JsonSchema, type ValidationRule } from './json-schema.ts';
export { type MergeType, mergeTypeOf } from './merge-type.ts';
export { applySchemaDefaults, pruneObject } from './prune.ts';
export { structuralErrors } from './structural.ts';
export { validateAgainst } from './validate.ts';
