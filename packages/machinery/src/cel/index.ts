export {
  COST_PER_CALL_MAX,
  createEnvironment,
  type Environment,
  type EnvironmentOptions,
  type Evaluation,
  EvaluationFailure,
  type Program,
} from './environment.ts';
export { definitionRuleErrors } from './schema/definition.ts';
export { compileSchemaRules, type SchemaRules } from './schema/rules.ts';
export { CompilationError } from './source.ts';
export * from './types.ts';
export * from './values.ts';
