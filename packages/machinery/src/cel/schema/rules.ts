// Evaluates x-kubernetes-validations of custom resources (apiextensions apiserver/schema/cel/{validation,maplist}.go).
import { type FieldError, fieldError } from '../../field-error.ts';
import { jsonEqual } from '../../patch/json-value.ts';
import { hasRules, type JsonSchema } from '../../schema/json-schema.ts';
import { type Evaluation, EvaluationFailure } from '../environment.ts';
import { CelError, Optional, type Value } from '../values.ts';
import { type CompiledRule, compileRules } from './compile.ts';
import { type DeclaredType, declaredType } from './declared.ts';

/** What all rules of one object may cost together (apiserver pkg/apis/cel RuntimeCELCostBudget). */
const OBJECT_COST_MAX = 10_000_000;
const MESSAGE_BYTES_MAX = 5 * 1024;

export interface SchemaRules {
  /** Everything the rules find wrong. `old` is the object before an update. */
  validate(object: unknown, old?: unknown): FieldError[];
  /** Of a value that may come up at any time: as one that stays, or else as one that is new. */
  validateDefault(value: unknown): FieldError[];
}

interface Node {
  schema: JsonSchema;
  declared: DeclaredType;
  rules: readonly CompiledRule[];
  items?: Node;
  additional?: Node;
  properties: ReadonlyMap<string, Node>;
}

/** undefined: the schema has no rules. Compile once per schema. */
export function compileSchemaRules(schema: JsonSchema, isResource = true): SchemaRules | undefined {
  if (!hasRules(schema)) return undefined;
  const declared = declaredType(schema, isResource, 'selfType');
  const root = declared && nodeOf(schema, declared);
  if (!root) return undefined;
  return {
    validate(object, old) {
      const run = new Run();
      run.visit(root, object, old, '', () => old !== undefined && jsonEqual(object, old));
      return run.errors;
    },
    validateDefault(value) {
      const again = new Run();
      again.visit(root, value, value, '', () => false);
      if (again.errors.length > 0) return again.errors;
      const first = new Run();
      first.visit(root, value, undefined, '', () => false);
      return first.errors;
    },
  };
}

function nodeOf(schema: JsonSchema, declared: DeclaredType): Node | undefined {
  if (!hasRules(schema)) return undefined;
  const properties = new Map<string, Node>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (!hasRules(property)) continue;
    const field = declaredType(property, property['x-kubernetes-embedded-resource'] === true, `selfType.${name}`);
    const child = field && nodeOf(property, field);
    if (child) properties.set(name, child);
  }
  const items = schema.items && declared.element && nodeOf(schema.items, declared.element);
  const additional =
    typeof schema.additionalProperties === 'object' && declared.element ? nodeOf(schema.additionalProperties, declared.element) : undefined;
  return {
    schema,
    declared,
    rules: compileRules(schema, declared),
    properties,
    ...(items ? { items } : {}),
    ...(additional ? { additional } : {}),
  };
}

/** The rules of one object share a budget; when it is used up nothing more is evaluated. */
class OutOfBudget {}

const shownRule = ({ rule }: CompiledRule) => (rule.message ?? '').trim() || rule.rule.trim();

class Run {
  readonly errors: FieldError[] = [];
  #budget = OBJECT_COST_MAX;

  visit(node: Node, value: unknown, old: unknown, path: string, unchanged: () => boolean): void {
    try {
      this.#visit(node, value, old, path, unchanged);
    } catch (error) {
      if (!(error instanceof OutOfBudget)) throw error;
    }
  }

  /** `unchanged` tells whether this value, or the nearest one around it that can be told again, is as before. */
  #visit(node: Node, value: unknown, old: unknown, path: string, unchanged: () => boolean): void {
    if (value === null || value === undefined) return;
    if (node.rules.length > 0) this.#rules(node, value, old, path, unchanged);
    if (Array.isArray(value)) this.#items(node, value, old, path, unchanged);
    else if (typeof value === 'object') this.#fields(node, value as Record<string, unknown>, old, path, unchanged);
  }

  #fields(node: Node, value: Record<string, unknown>, old: unknown, path: string, unchanged: () => boolean): void {
    const before = typeof old === 'object' && old !== null ? (old as Record<string, unknown>) : {};
    for (const [key, each] of Object.entries(value)) {
      const declared = node.properties.get(key);
      const child = declared ?? node.additional;
      if (!child) continue;
      const previous = Object.hasOwn(before, key) ? before[key] : undefined;
      const isSame = old === undefined ? unchanged : () => previous !== undefined && jsonEqual(each, previous);
      const at = declared ? (path === '' ? key : `${path}.${key}`) : `${path}[${key}]`;
      this.#visit(child, each, previous, at, isSame);
    }
  }

  #items(node: Node, value: readonly unknown[], old: unknown, path: string, unchanged: () => boolean): void {
    const { items, schema } = node;
    if (!items) return;
    const keys = schema['x-kubernetes-list-type'] === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : undefined;
    const before = keys && Array.isArray(old) ? byKeys(old, keys) : undefined;
    value.forEach((item, i) => {
      const previous = before?.get(keyOf(item, keys!));
      const isSame = before ? () => previous !== undefined && jsonEqual(item, previous) : unchanged;
      this.#visit(items, item, previous, `${path}[${i}]`, isSame);
    });
  }

  #rules(node: Node, value: unknown, old: unknown, path: string, unchanged: () => boolean): void {
    const { convert } = node.declared;
    const field = path === '' ? '<nil>' : path;
    const type = node.schema.type ?? '';
    for (const compiled of node.rules) {
      const { rule, program, problem } = compiled;
      if (problem !== undefined) this.errors.push(fieldError.invalid(field, type, `rule compile error: ${problem}`));
      if (!program) continue;
      const hasOld = old !== undefined && old !== null;
      if (compiled.usesOldSelf && !hasOld && !rule.optionalOldSelf) continue;
      const oldSelf = (): Value | undefined => {
        if (!rule.optionalOldSelf) return hasOld ? convert(old) : undefined;
        return hasOld ? Optional.of(convert(old)) : Optional.NONE;
      };
      const variables = (name: string) => (name === 'self' ? convert(value) : name === 'oldSelf' ? oldSelf() : undefined);
      const result = this.#attempt(() => program.evaluate(variables), field, type, compiled);
      if (result === undefined || result.value === true) continue;
      if (!compiled.usesOldSelf && unchanged()) continue;
      const at = compiled.fieldPath ? (path === '' ? compiled.fieldPath : `${path}.${compiled.fieldPath}`) : field;
      this.errors.push(this.#failure(compiled, node, value, at, variables));
    }
  }

  #spend(cost: number, message: () => FieldError): void {
    this.#budget -= cost;
    if (this.#budget >= 0) return;
    this.errors.push(message());
    throw new OutOfBudget();
  }

  #attempt(evaluate: () => Evaluation, field: string, type: string, compiled: CompiledRule): Evaluation | undefined {
    const exhausted = () =>
      fieldError.invalid(field, type, 'validation failed due to running out of cost budget, no further validation rules will be run');
    try {
      const result = evaluate();
      this.#spend(result.cost, exhausted);
      return result;
    } catch (error) {
      if (!(error instanceof EvaluationFailure) || !(error.cause instanceof CelError)) throw error;
      this.#spend(error.cost, exhausted);
      const { message } = error.cause;
      const shown = shownRule(compiled);
      if (message.startsWith('no such overload')) {
        const why = 'call arguments did not match a supported operator, function or macro signature for rule';
        this.errors.push(fieldError.invalid(field, type, `'${message}': ${why}: ${shown}`));
      } else if (message.startsWith('operation cancelled: actual cost limit exceeded')) {
        const why = 'no further validation rules will be run due to call cost exceeds limit for rule';
        this.errors.push(fieldError.invalid(field, type, `'${message}': ${why}: ${shown}`));
        throw new OutOfBudget();
      } else this.errors.push(fieldError.invalid(field, type, `${message} evaluating rule: ${shown}`));
      return undefined;
    }
  }

  #failure(compiled: CompiledRule, node: Node, value: unknown, field: string, variables: (name: string) => Value | undefined): FieldError {
    const { rule } = compiled;
    const detail = this.#message(compiled, field, node, variables) ?? ((rule.message ?? '').trim() || `failed rule: ${rule.rule.trim()}`);
    const composite = node.schema.type === 'object' || node.schema.type === 'array';
    switch (rule.reason) {
      case 'FieldValueForbidden':
        return fieldError.forbidden(field, detail);
      case 'FieldValueRequired':
        return fieldError.required(field, detail);
      case 'FieldValueDuplicate':
        return composite ? { type: 'FieldValueDuplicate', field, message: 'Duplicate value' } : fieldError.duplicate(field, value);
      default:
        return composite
          ? { type: 'FieldValueInvalid', field, message: `Invalid value: ${detail}` }
          : fieldError.invalid(field, value, detail);
    }
  }

  /** What messageExpression says, unless it says nothing of use. */
  #message({ message, rule }: CompiledRule, field: string, node: Node, variables: (name: string) => Value | undefined): string | undefined {
    if (!message) return undefined;
    const type = node.schema.type ?? '';
    const exhausted = () =>
      fieldError.invalid(
        field,
        type,
        'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run',
      );
    try {
      const { value, cost } = message.evaluate(variables);
      this.#spend(cost, exhausted);
      const text = typeof value === 'string' ? value.trim() : '';
      return text === '' || text.includes('\n') || Buffer.byteLength(text) > MESSAGE_BYTES_MAX ? undefined : text;
    } catch (error) {
      if (!(error instanceof EvaluationFailure) || !(error.cause instanceof CelError)) throw error;
      this.#spend(error.cost, exhausted);
      if (error.cause.message.startsWith('operation cancelled: actual cost limit exceeded')) {
        const why = `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(rule.messageExpression)}`;
        this.errors.push(fieldError.invalid(field, type, why));
        throw new OutOfBudget();
      }
      return undefined;
    }
  }
}

const keyOf = (item: unknown, keys: readonly string[]) =>
  JSON.stringify(keys.map((key) => (item as Record<string, unknown> | null)?.[key] ?? null));

function byKeys(items: readonly unknown[], keys: readonly string[]): Map<string, unknown> {
  return new Map(items.map((item) => [keyOf(item, keys), item]));
}
