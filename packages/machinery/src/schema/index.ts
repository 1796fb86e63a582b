export { tableWithCustomType } from './convert.ts';
export { Correlated } from './correlated.ts';
export { definitionSchemaErrors } from './definition.ts';
export { additionalSchema, hasRules, type JsonSchema, type ValidationRule } from './json-schema.ts';
export { listTypeErrors } from './list-types.ts';
export { type MergeType, mergeTypeOf } from './merge-type.ts';
export { applySchemaDefaults, dropNulls, pruneObject } from './prune.ts';
export { structuralErrors } from './structural.ts';
export { validateAgainst } from './validate.ts';
