// Compiles the rules at one place of a schema (apiextensions apiserver/schema/cel/compilation.go).
import type { JsonSchema, ValidationRule } from '../../schema/json-schema.ts';
import { createEnvironment, type Environment, type Program } from '../environment.ts';
import { estimatedCost, type SizeOf } from '../estimate.ts';
import { CompilationError } from '../source.ts';
import { optionalOf } from '../types.ts';
import type { DeclaredType } from './declared.ts';
import { fieldPathOf } from './field-path.ts';

export interface CompiledRule {
  rule: ValidationRule;
  /** Absent when it cannot be compiled: `problem` says why. */
  program?: Program;
  problem?: string;
  usesOldSelf: boolean;
  message?: Program;
  messageProblem?: string;
  /** Below the value the rule is about. */
  fieldPath?: string;
}

/** Estimated worst cost of a compiled rule or message. */
export function maximumCost(program: Program, declared: DeclaredType): number {
  return estimatedCost(program.expression, sizesOf(declared));
}

function sizesOf(root: DeclaredType): SizeOf {
  return (path) => {
    let at: DeclaredType | undefined = root;
    for (const name of path.slice(1)) {
      if (name === '@keys' || name === '@indices') return undefined;
      at = name === '@items' || name === '@values' ? at.element : at.fields?.get(name);
      if (!at) return undefined;
    }
    return at.elementsMax;
  };
}

function compileOrExplain(
  environment: Environment,
  text: string,
  kind: 'bool' | 'string',
  words: { failed: string; wrongType: string },
): Program | string {
  try {
    const program = environment.compile(text);
    return program.type.kind === kind ? program : words.wrongType;
  } catch (error) {
    if (error instanceof CompilationError) return `${words.failed}: ${error.message}`;
    throw error;
  }
}

const RULE = { failed: 'compilation failed', wrongType: 'cel expression must evaluate to a bool' };
const MESSAGE = { failed: 'messageExpression compilation failed', wrongType: 'messageExpression must evaluate to a string' };

export function compileRules(schema: JsonSchema, declared: DeclaredType): CompiledRule[] {
  const self = declared.type;
  const plain = createEnvironment({ variables: { self, oldSelf: self } });
  const optional = createEnvironment({ variables: { self, oldSelf: optionalOf(self) } });
  return (schema['x-kubernetes-validations'] ?? []).map((rule) => {
    const environment = rule.optionalOldSelf ? optional : plain;
    const compiled: CompiledRule = { rule, usesOldSelf: false };
    if (rule.rule.trim() === '') return compiled;
    const program = compileOrExplain(environment, rule.rule, 'bool', RULE);
    if (typeof program === 'string') return { ...compiled, problem: program };
    compiled.program = program;
    compiled.usesOldSelf = program.uses('oldSelf');
    if (rule.messageExpression) {
      const message = compileOrExplain(environment, rule.messageExpression, 'string', MESSAGE);
      if (typeof message === 'string') return { ...compiled, messageProblem: message };
      compiled.message = message;
    }
    const fieldPath = rule.fieldPath ? fieldPathOf(rule.fieldPath, schema) : undefined;
    return fieldPath === undefined ? compiled : { ...compiled, fieldPath };
  });
}
