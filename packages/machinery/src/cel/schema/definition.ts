// What is wrong with the rules of a custom resource definition: whether they compile, what they may cost
// (apiextensions apis/apiextensions/validation/{validation,cel_validation}.go).
import { type FieldError, fieldError } from '../../field-error.ts';
import type { JsonSchema, ValidationRule } from '../../schema/json-schema.ts';
import { type CompiledRule, compileRules, maximumCost } from './compile.ts';
import { type DeclaredType, declaredType } from './declared.ts';

/** Estimated cost that one expression, and all of a version's together, may have. */
const EXPRESSION_COST_MAX = 10_000_000;
const DEFINITION_COST_MAX = 100_000_000;
const EXPENSIVE_SHOWN_MAX = 4;
const FACTOR_SHOWN_MAX = 100;
const REQUEST_BYTES_MAX = 3 * 1024 * 1024;
const BUDGET_HINT =
  'try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared';

/**
 * path is where the schema stands, such as `spec.versions[0].schema.openAPIV3Schema`. Rules at or above a place that is wrong in `formErrors`
 * are left alone: they would be told in words that help nobody.
 */
export function definitionRuleErrors(schema: JsonSchema, path: string, formErrors: readonly FieldError[] = []): FieldError[] {
  return new Check(path, formErrors).run(schema);
}

/** The rule as upstream's message shows it: all fields by their Go names. */
function shownRule(rule: ValidationRule): object {
  const { rule: Rule, message = '', messageExpression = '', reason = null, fieldPath = '', optionalOldSelf = null } = rule;
  return {
    Rule,
    Message: message,
    MessageExpression: messageExpression,
    Reason: reason,
    FieldPath: fieldPath,
    OptionalOldSelf: optionalOldSelf,
  };
}

function budgetMessage(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > FACTOR_SHOWN_MAX ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${shown} (${BUDGET_HINT})`;
}

/** How often a schema's parts may occur in one value of it; undefined: without bound. */
function occurrences(schema: JsonSchema): number | undefined {
  if (schema.type === 'object' && schema.additionalProperties)
    return schema.maxProperties === undefined ? undefined : Math.max(0, schema.maxProperties);
  if (schema.type === 'array') return schema.maxItems === undefined ? undefined : Math.max(0, schema.maxItems);
  return 1;
}

interface Place {
  schema: JsonSchema;
  path: string;
  declared: DeclaredType | undefined;
  /** How often it may occur in one object; undefined: without bound. */
  cardinality: number | undefined;
  /** The list around it whose items cannot be told again after an update. */
  uncorrelatable: string | undefined;
}

class Check {
  readonly #path: string;
  readonly #faulty: readonly string[];
  readonly #errors: FieldError[] = [];
  readonly #expensive: { path: string; cost: number }[] = [];
  #total = 0;

  constructor(path: string, formErrors: readonly FieldError[]) {
    this.#path = path;
    this.#faulty = formErrors.map(({ field }) => field);
  }

  run(schema: JsonSchema): FieldError[] {
    const declared = declaredType(schema, true, 'selfType');
    this.#visit({ schema, path: this.#path, declared, cardinality: 1, uncorrelatable: undefined });
    if (this.#total > DEFINITION_COST_MAX) {
      const worst = this.#expensive.sort((a, b) => b.cost - a.cost).slice(0, EXPENSIVE_SHOWN_MAX);
      const why = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
      for (const { path } of worst) this.#errors.push(fieldError.forbidden(path, why));
      const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
      this.#errors.push(fieldError.forbidden(this.#path, budgetMessage(what, this.#total, DEFINITION_COST_MAX)));
    }
    return this.#errors;
  }

  #visit(place: Place): void {
    const { schema, path, declared, cardinality, uncorrelatable } = place;
    const count = occurrences(schema);
    const inner = cardinality === undefined || count === undefined ? undefined : cardinality * count;
    const child = (part: JsonSchema, at: string, type: DeclaredType | undefined, list = uncorrelatable) =>
      this.#visit({ schema: part, path: at, declared: type, cardinality: inner, uncorrelatable: list });
    if (typeof schema.additionalProperties === 'object')
      child(schema.additionalProperties, `${path}.additionalProperties`, declared?.element);
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const type = declaredType(property, property['x-kubernetes-embedded-resource'] === true, `selfType.${name}`);
      child(property, `${path}.properties[${name}]`, type);
    }
    if (schema.items) {
      const list = uncorrelatable ?? (schema['x-kubernetes-list-type'] === 'map' ? undefined : path);
      child(schema.items, `${path}.items`, declared?.element, list);
    }
    if (schema['x-kubernetes-validations']?.length) this.#rules(place);
  }

  #rules({ schema, path, declared, cardinality, uncorrelatable }: Place): void {
    const at = (i: number) => `${path}.x-kubernetes-validations[${i}]`;
    if (this.#faulty.some((field) => field.startsWith(`${path}.`))) return;
    if (!declared) {
      const why =
        'internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations';
      this.#errors.push(fieldError.internal(`${path}.x-kubernetes-validations`, why));
      return;
    }
    const times = cardinality ?? Math.floor(REQUEST_BYTES_MAX / (declared.sizeMin + 1));
    compileRules(schema, declared).forEach((compiled, i) => {
      if (compiled.program) this.#budget(`${at(i)}.rule`, 'estimated rule cost', maximumCost(compiled.program, declared) * times);
      this.#compiled(compiled, at(i), declared);
      if (compiled.usesOldSelf && uncorrelatable !== undefined) {
        const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`;
        this.#errors.push(fieldError.invalid(`${at(i)}.rule`, compiled.rule.rule, why));
      } else if (!compiled.usesOldSelf && compiled.rule.optionalOldSelf !== undefined) {
        const why = 'may not be set if oldSelf is not used in rule';
        this.#errors.push(fieldError.invalid(`${at(i)}.optionalOldSelf`, compiled.rule.optionalOldSelf, why));
      }
    });
  }

  #compiled({ rule, problem, message, messageProblem }: CompiledRule, at: string, declared: DeclaredType): void {
    if (problem !== undefined) this.#errors.push(fieldError.invalid(`${at}.rule`, shownRule(rule), problem));
    if (messageProblem !== undefined) this.#errors.push(fieldError.invalid(`${at}.messageExpression`, shownRule(rule), messageProblem));
    else if (message) this.#budget(`${at}.messageExpression`, 'estimated messageExpression cost', maximumCost(message, declared));
  }

  #budget(path: string, what: string, cost: number): void {
    if (cost > EXPRESSION_COST_MAX) this.#errors.push(fieldError.forbidden(path, budgetMessage(what, cost, EXPRESSION_COST_MAX)));
    this.#total += cost;
    if (cost >= DEFINITION_COST_MAX / 100) this.#expensive.push({ path, cost });
  }
}
