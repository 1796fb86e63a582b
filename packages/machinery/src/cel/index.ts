export { compileDeviceSelector, type DeviceSelectorProgram } from './devices.ts';
export {
  COST_PER_CALL_MAX,
  createEnvironment,
  type Environment,
  type EnvironmentOptions,
  type Evaluation,
  EvaluationFailure,
  type Program,
} from './environment.ts';
export { toJson } from './json.ts';
export { type AccessAnswer, type AccessQuestion, type AskAccess, AuthorizerValue, resourceCheck } from './library/authorizer.ts';
export { PatchObject, PolicyCompiler, type PolicyExpression, RETURNS } from './policy/compile.ts';
export {
  type ExpressionResult,
  MATCH_CONDITIONS_COST_MAX,
  OutOfBudgetError,
  POLICY_COST_MAX,
  PolicyEvaluation,
} from './policy/evaluate.ts';
export { CHECKED_TYPES_MAX, type CheckedType, typeWarnings } from './policy/type-check.ts';
export { RESERVED_WORDS } from './reserved.ts';
export { builtInType } from './schema/built-in.ts';
export { declaredType } from './schema/declared.ts';
export { unescapeName } from './schema/escaping.ts';
export { type FieldPath, readFieldPath } from './schema/field-path.ts';
export { compileSchemaRules, type SchemaRules } from './schema/rules.ts';
export { CompilationError } from './source.ts';
export * from './types.ts';
export * from './values.ts';
