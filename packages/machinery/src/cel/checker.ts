// Gradual type checking: gives every expression a type and every call its overloads (cel-spec "Type checking";
// cel-go checker/{checker,types,errors}.go).
import type { Call, Comprehension, Expr, Ident, ListExpr, MapExpr, Select, StructExpr } from './ast.ts';
import type { FunctionTable, Overload } from './functions.ts';
import { partsOf } from './literals.ts';
import type { Issue } from './source.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DYN,
  ERROR,
  INT,
  isDynamic,
  isOptional,
  listOf,
  mapOf,
  NULL,
  optionalOf,
  parameter,
  STRING,
  sameType,
  typeOf,
  typeText,
  UINT,
} from './types.ts';
import { assign, mostGeneral, type Substitution, substitute } from './unify.ts';
import { Uint } from './values.ts';

export interface Declarations {
  functions: FunctionTable;
  variables: ReadonlyMap<string, CelType>;
  /** Names that stand for types: `int`, `net.IP`, `Object.spec`. */
  typeNamed(name: string): CelType | undefined;
}

const ARITHMETIC_ERRORS_MAX = 100;

/** Annotates the tree. Returns what is wrong with it. */
export function check(expression: Expr, declarations: Declarations): { type: CelType; issues: Issue[] } {
  const checker = new Checker(declarations);
  checker.check(expression);
  const type = checker.issues.length ? ERROR : checker.finish(expression);
  return { type, issues: checker.issues.slice(0, ARITHMETIC_ERRORS_MAX) };
}

function qualifiedName(expression: Expr): string | undefined {
  if (expression.kind === 'ident') return expression.name;
  if (expression.kind !== 'select' || expression.testOnly) return undefined;
  const operand = qualifiedName(expression.operand);
  return operand === undefined ? undefined : `${operand}.${expression.field}`;
}

const withoutDot = (name: string) => (name.startsWith('.') ? name.slice(1) : name);

class Checker {
  readonly issues: Issue[] = [];
  readonly #declarations: Declarations;
  readonly #scopes: Map<string, CelType>[] = [];
  #substitution: Substitution = new Map();
  #free = 0;

  constructor(declarations: Declarations) {
    this.#declarations = declarations;
  }

  #report(offset: number, message: string): void {
    this.issues.push({ offset, message });
  }

  #undeclared(offset: number, name: string): CelType {
    this.#report(offset, `undeclared reference to '${name}' (in container '')`);
    return ERROR;
  }

  #mismatch(offset: number, expected: CelType, actual: CelType): void {
    this.#report(offset, `expected type '${this.#text(expected)}' but found '${this.#text(actual)}'`);
  }

  #text(type: CelType): string {
    return typeText(substitute(this.#substitution, type, true));
  }

  /** The parts of a qualified name that is one variable, such as `authorizer.requestResource`, have no types of their own. */
  finish(expression: Expr): CelType {
    for (const part of partsOf(expression)) if (part.type) this.finish(part);
    expression.type = substitute(this.#substitution, expression.type!, true);
    return expression.type;
  }

  #variable(name: string): CelType | undefined {
    if (!name.startsWith('.')) {
      for (let i = this.#scopes.length - 1; i >= 0; i--) {
        const found = this.#scopes[i]!.get(name);
        if (found) return found;
      }
    }
    return this.#declarations.variables.get(withoutDot(name));
  }

  check(expression: Expr): CelType {
    const type = this.#typeOf(expression);
    expression.type = type;
    return type;
  }

  #typeOf(expression: Expr): CelType {
    switch (expression.kind) {
      case 'literal': {
        const { value } = expression;
        if (value === null) return NULL;
        if (value instanceof Uint) return UINT;
        if (value instanceof Uint8Array) return BYTES;
        return { bigint: INT, number: DOUBLE, string: STRING, boolean: BOOL }[typeof value as 'string'];
      }
      case 'ident':
        return this.#ident(expression, expression.name) ?? this.#undeclared(expression.offset, expression.name);
      case 'select':
        return this.#select(expression);
      case 'call':
        return this.#call(expression);
      case 'list':
        return this.#list(expression);
      case 'map':
        return this.#map(expression);
      case 'struct':
        return this.#struct(expression);
      case 'comprehension':
        return this.#comprehension(expression);
    }
  }

  #ident(ident: Ident, name: string): CelType | undefined {
    const type = this.#variable(name);
    if (type) return type;
    const named = this.#declarations.typeNamed(withoutDot(name));
    if (!named) return undefined;
    ident.typeName = withoutDot(name);
    return typeOf(named);
  }

  #select(select: Select): CelType {
    if (!select.testOnly) {
      const name = qualifiedName(select);
      if (name !== undefined && !this.#shadowed(name)) {
        const qualified: Ident = { kind: 'ident', name, offset: select.offset };
        const type = this.#ident(qualified, name);
        if (type) {
          select.qualified = { ...qualified, type };
          return type;
        }
      }
    }
    const operand = substitute(this.#substitution, this.check(select.operand), false);
    const optional = isOptional(operand);
    const field = this.#field(select.offset, optional ? operand.parameters[0]! : operand, select.field);
    const type = optional ? optionalOf(field) : field;
    return select.testOnly ? BOOL : type;
  }

  #shadowed(name: string): boolean {
    const first = name.split('.')[0]!;
    return this.#scopes.some((scope) => scope.has(first));
  }

  #field(offset: number, target: CelType, name: string): CelType {
    const type = substitute(this.#substitution, target, false);
    switch (type.kind) {
      case 'map':
        return type.value;
      case 'struct': {
        const field = type.field(name);
        if (!field) this.#report(offset, `undefined field '${name}'`);
        return field ?? ERROR;
      }
      case 'parameter':
        this.#assignable(DYN, type);
        return DYN;
      case 'dyn':
      case 'error':
        return DYN;
      default:
        this.#report(offset, `type '${this.#text(type)}' does not support field selection`);
        return ERROR;
    }
  }

  #call(call: Call): CelType {
    const { functions } = this.#declarations;
    if (call.name === '_?._') return this.#optionalSelect(call);
    if (call.target) {
      const prefix = qualifiedName(call.target);
      const full = prefix === undefined ? undefined : `${withoutDot(prefix)}.${call.name}`;
      const isVariable = prefix !== undefined && this.#variable(prefix.split('.')[0]!) !== undefined;
      if (full !== undefined && functions.has(full) && !isVariable) {
        call.name = full;
        delete call.target;
      }
    }
    const args = call.args.map((arg) => this.check(arg));
    const target = call.target ? this.check(call.target) : undefined;
    const name = withoutDot(call.name);
    const overloads = functions.get(name);
    if (!overloads) {
      this.#undeclared(call.offset, name);
      return ERROR;
    }
    call.name = name;
    return this.#resolve(call, overloads, target ? [target, ...args] : args);
  }

  #optionalSelect(call: Call): CelType {
    const operand = substitute(this.#substitution, this.check(call.args[0]!), false);
    const field = call.args[1]!;
    this.check(field);
    const name = field.kind === 'literal' ? String(field.value) : '';
    const type = this.#field(field.offset, isOptional(operand) ? operand.parameters[0]! : operand, name);
    return optionalOf(type);
  }

  #resolve(call: Call, overloads: readonly Overload[], args: readonly CelType[]): CelType {
    const found: Overload[] = [];
    let result: CelType | undefined;
    for (const overload of overloads) {
      if (overload.member !== (call.target !== undefined)) continue;
      const fresh = new Map<string, CelType>();
      const instance = (type: CelType) =>
        substituteNames(type, (name) => {
          let known = fresh.get(name);
          known ??= this.#freeVariable();
          fresh.set(name, known);
          return known;
        });
      const parameters = overload.parameters.map(instance);
      if (parameters.length !== args.length) continue;
      const next = new Map(this.#substitution);
      if (!parameters.every((type, i) => assign(next, type, args[i]!))) continue;
      this.#substitution = next;
      found.push(overload);
      const type = substitute(next, instance(overload.result), false);
      if (result === undefined) result = type;
      else if (!isDynamic(result) && !sameType(result, type)) result = DYN;
    }
    if (result === undefined) {
      const types = args.map((type) => this.#text(type));
      const shown = call.target ? `${types[0]}.(${types.slice(1).join(', ')})` : `(${types.join(', ')})`;
      this.#report(call.offset, `found no matching overload for '${call.name}' applied to '${shown}'`);
      return ERROR;
    }
    call.overloads = found;
    return result;
  }

  #freeVariable(): CelType {
    return parameter(`_var${this.#free++}`);
  }

  #assignable(to: CelType, from: CelType): boolean {
    const next = new Map(this.#substitution);
    if (!assign(next, to, from)) return false;
    this.#substitution = next;
    return true;
  }

  /** Different types become dyn here; literals that mix them are refused afterwards, but not as arguments of format(). */
  #join(previous: CelType | undefined, current: CelType): CelType {
    if (previous === undefined) return current;
    return this.#assignable(previous, current) ? mostGeneral(previous, current) : DYN;
  }

  #unwrapped(offset: number, type: CelType, optional: boolean): CelType {
    if (!optional) return type;
    if (isOptional(type)) return type.parameters[0]!;
    if (!isDynamic(type)) this.#mismatch(offset, optionalOf(type), type);
    return type;
  }

  #list({ elements, optional }: ListExpr): CelType {
    let element: CelType | undefined;
    elements.forEach((each, i) => {
      element = this.#join(element, this.#unwrapped(each.offset, this.check(each), optional.has(i)));
    });
    return listOf(element ?? this.#freeVariable());
  }

  #map({ entries }: MapExpr): CelType {
    let keyType: CelType | undefined;
    let valueType: CelType | undefined;
    for (const { key, value, optional } of entries) {
      keyType = this.#join(keyType, this.check(key));
      valueType = this.#join(valueType, this.#unwrapped(value.offset, this.check(value), optional));
    }
    return mapOf(keyType ?? this.#freeVariable(), valueType ?? this.#freeVariable());
  }

  #struct(message: StructExpr): CelType {
    const name = withoutDot(message.name);
    const type = this.#declarations.typeNamed(name);
    if (!type) {
      this.#undeclared(message.offset, message.name);
      return ERROR;
    }
    if (type.kind !== 'struct') {
      this.#report(message.offset, `'${typeText(type)}' is not a message type`);
      return ERROR;
    }
    message.name = name;
    for (const field of message.fields) {
      const actual = this.#unwrapped(field.value.offset, this.check(field.value), field.optional);
      const declared = type.field(field.name);
      if (!declared) this.#report(field.offset, `undefined field '${field.name}'`);
      else if (!this.#assignable(declared, actual)) {
        this.#report(
          field.offset,
          `expected type of field '${field.name}' is '${this.#text(declared)}' but provided type is '${this.#text(actual)}'`,
        );
      }
    }
    return type;
  }

  #ranges(fold: Comprehension, range: CelType): [CelType, CelType] {
    if (range.kind === 'list') return fold.variable2 === undefined ? [range.element, DYN] : [INT, range.element];
    if (range.kind === 'map') return [range.key, range.value];
    if (range.kind === 'dyn' || range.kind === 'error' || range.kind === 'parameter') {
      this.#assignable(DYN, range);
      return [DYN, DYN];
    }
    const why = 'cannot be range of a comprehension (must be list, map, or dynamic)';
    this.#report(fold.range.offset, `expression of type '${this.#text(range)}' ${why}`);
    return [ERROR, ERROR];
  }

  #comprehension(fold: Comprehension): CelType {
    const range = substitute(this.#substitution, this.check(fold.range), false);
    const accumulated = this.check(fold.init);
    this.#scopes.push(new Map([[fold.accumulator, accumulated]]));
    const [first, second] = this.#ranges(fold, range);
    const names = new Map([[fold.variable, first]]);
    if (fold.variable2 !== undefined) names.set(fold.variable2, second);
    this.#scopes.push(names);
    const assert = (part: Expr, type: CelType) => {
      const actual = this.check(part);
      if (!this.#assignable(type, actual)) this.#mismatch(part.offset, type, actual);
    };
    assert(fold.condition, BOOL);
    assert(fold.step, accumulated);
    this.#scopes.pop();
    const result = this.check(fold.result);
    this.#scopes.pop();
    return substitute(this.#substitution, result, false);
  }
}

function substituteNames(type: CelType, replace: (name: string) => CelType): CelType {
  switch (type.kind) {
    case 'parameter':
      return replace(type.name);
    case 'list':
      return listOf(substituteNames(type.element, replace));
    case 'map':
      return mapOf(substituteNames(type.key, replace), substituteNames(type.value, replace));
    case 'opaque':
      return type.parameters.length ? { ...type, parameters: type.parameters.map((each) => substituteNames(each, replace)) } : type;
    case 'type':
      return type.of ? typeOf(substituteNames(type.of, replace)) : type;
    default:
      return type;
  }
}
