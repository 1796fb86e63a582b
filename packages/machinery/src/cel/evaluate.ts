// Compiles a checked expression into closures that evaluate it and count its cost (cel-go interpreter/{planner,attributes,
// interpretable,runtimecost}.go).
import { type Call, type Comprehension, type Expr, OPERATOR, type StructExpr } from './ast.ts';
import { equals } from './compare.ts';
import { callCost } from './cost.ts';
import { accepts, type Overload } from './functions.ts';
import { selectField, valueAtIndex } from './select.ts';
import type { StructType } from './types.ts';
import {
  ArrayList,
  CelError,
  CelList,
  CelMap,
  CostExceededError,
  EntryMap,
  noSuchOverload,
  Optional,
  TypeValue,
  typeNameOf,
  type Value,
} from './values.ts';

/** What variables hold; undefined: there is none of this name. */
export type Variables = (name: string) => Value | undefined;

export class Frame {
  readonly variables: Variables;
  readonly slots: (Value | Failed)[] = [];
  readonly limit: number;
  cost = 0;
  constructor(variables: Variables, limit: number) {
    this.variables = variables;
    this.limit = limit;
  }
  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.limit) throw new CostExceededError();
  }
}

export type Evaluate = (frame: Frame) => Value;

/** An accumulator that holds an error, which a later step may absorb. */
class Failed {
  readonly error: CelError;
  constructor(error: CelError) {
    this.error = error;
  }
}

const LIST_COST = 10;
const MAP_COST = 30;
const STRUCT_COST = 40;

export interface EvaluationOptions {
  /** Makes an object of a declared type from its fields. */
  construct(type: StructType, fields: ReadonlyMap<string, Value>): Value;
}

export function compileExpression(expression: Expr, options: EvaluationOptions): Evaluate {
  return new Compiler(options).compile(expression);
}

const CONVERSIONS = new Set(['bool', 'bytes', 'double', 'duration', 'dyn', 'int', 'string', 'timestamp', 'type', 'uint']);

/** The value of an expression that is always the same and costs nothing: literals, lists of them, conversions of them. */
function constantOf(expression: Expr): Value | undefined {
  if (expression.kind === 'literal') return expression.value;
  if (expression.kind === 'list' && expression.elements.length > 0 && expression.optional.size === 0) {
    const items: Value[] = [];
    for (const element of expression.elements) {
      const item = constantOf(element);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return new ArrayList(items);
  }
  if (expression.kind !== 'call' || expression.target || expression.args.length !== 1 || !CONVERSIONS.has(expression.name))
    return undefined;
  const argument = constantOf(expression.args[0]!);
  if (argument === undefined) return undefined;
  try {
    return picker(expression.name, expression.overloads ?? [])([argument]).call(argument);
  } catch (error) {
    if (error instanceof CelError) return undefined;
    throw error;
  }
}

class Compiler {
  readonly #options: EvaluationOptions;
  readonly #scopes: string[] = [];

  constructor(options: EvaluationOptions) {
    this.#options = options;
  }

  compile(expression: Expr): Evaluate {
    const constant = constantOf(expression);
    if (constant !== undefined) return () => constant;
    switch (expression.kind) {
      case 'literal':
        return () => expression.value;
      case 'ident':
        return this.#ident(expression.name, expression.typeName);
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
        return this.#fold(expression);
    }
  }

  #ident(name: string, typeName: string | undefined): Evaluate {
    if (typeName !== undefined) {
      const value = new TypeValue(TYPE_VALUE_NAMES[typeName] ?? typeName);
      return () => value;
    }
    const slot = name.startsWith('.') ? -1 : this.#scopes.lastIndexOf(name);
    if (slot >= 0) {
      return (frame) => {
        frame.charge(1);
        const value = frame.slots[slot]!;
        if (value instanceof Failed) throw value.error;
        return value;
      };
    }
    const plain = name.startsWith('.') ? name.slice(1) : name;
    return (frame) => {
      frame.charge(1);
      const value = frame.variables(plain);
      if (value === undefined) throw new CelError(`no such attribute(s): ${plain}`);
      return value;
    };
  }

  #select(select: Extract<Expr, { kind: 'select' }>): Evaluate {
    if (select.qualified) return this.#ident(select.qualified.name, select.qualified.typeName);
    const operand = this.compile(select.operand);
    const { field } = select;
    if (select.testOnly) {
      return (frame) => {
        const value = operand(frame);
        const target = value instanceof Optional ? value.value : value;
        if (target === undefined) return false;
        if (target instanceof CelMap) return target.has(field);
        throw noSuchOverload();
      };
    }
    const extra = startsChain(select.operand) ? 2 : 1;
    return (frame) => {
      const value = operand(frame);
      frame.charge(extra);
      return selectField(value, field);
    };
  }

  #call(call: Call): Evaluate {
    switch (call.name) {
      case OPERATOR.and:
        return this.#logical(call, false);
      case OPERATOR.or:
        return this.#logical(call, true);
      case OPERATOR.conditional:
        return this.#conditional(call);
      case OPERATOR.equals:
      case OPERATOR.notEquals:
        return this.#equality(call, call.name === OPERATOR.equals);
      case OPERATOR.index:
      case OPERATOR.optionalIndex:
      case OPERATOR.optionalSelect:
        return this.#index(call);
      case OPERATOR.notStrictlyFalse:
        return this.#notStrictlyFalse(call);
      default:
        return this.#function(call);
    }
  }

  /** Either side may decide, even when the other fails. */
  #logical({ args }: Call, deciding: boolean): Evaluate {
    const [left, right] = args.map((arg) => this.compile(arg)) as [Evaluate, Evaluate];
    const boolean = (value: Value): boolean => {
      if (typeof value !== 'boolean') throw noSuchOverload();
      return value;
    };
    return (frame) => {
      let failed: CelError | undefined;
      try {
        if (boolean(left(frame)) === deciding) return deciding;
      } catch (error) {
        if (!(error instanceof CelError) || error instanceof CostExceededError) throw error;
        failed = error;
      }
      if (boolean(right(frame)) === deciding) return deciding;
      if (failed) throw failed;
      return !deciding;
    };
  }

  #conditional({ args }: Call): Evaluate {
    const [condition, yes, no] = args.map((arg) => this.compile(arg)) as [Evaluate, Evaluate, Evaluate];
    return (frame) => {
      const value = condition(frame);
      if (typeof value !== 'boolean') throw noSuchOverload();
      return value ? yes(frame) : no(frame);
    };
  }

  #equality({ args }: Call, wanted: boolean): Evaluate {
    const [left, right] = args.map((arg) => this.compile(arg)) as [Evaluate, Evaluate];
    const cost = callCost(wanted ? '_==_' : '_!=_', wanted ? 'equals' : 'not_equals');
    return (frame) => {
      const a = left(frame);
      const b = right(frame);
      frame.charge(cost([a, b], null));
      return equals(a, b) === wanted;
    };
  }

  #index(call: Call): Evaluate {
    const [operand, key] = call.args.map((arg) => this.compile(arg)) as [Evaluate, Evaluate];
    const optional = call.name !== OPERATOR.index;
    const extra = startsChain(call.args[0]!) ? 2 : 1;
    return (frame) => {
      const target = operand(frame);
      const at = key(frame);
      frame.charge(extra);
      return valueAtIndex(target, at, optional);
    };
  }

  #notStrictlyFalse({ args }: Call): Evaluate {
    const argument = this.compile(args[0]!);
    return (frame) => {
      frame.charge(1);
      try {
        return argument(frame) !== false;
      } catch (error) {
        if (error instanceof CelError && !(error instanceof CostExceededError)) return true;
        throw error;
      }
    };
  }

  #function(call: Call): Evaluate {
    const overloads = call.overloads ?? [];
    const args = (call.target ? [call.target, ...call.args] : call.args).map((arg) => this.compile(arg));
    const list = call.name === OPERATOR.in ? constantOf(call.args[1]!) : undefined;
    if (list instanceof CelList) return this.#membership([...list], args[0]!);
    const cost = callCost(call.name, overloads.length === 1 ? overloads[0]!.id : '');
    const [first, second] = args;
    const pick = picker(call.name, overloads);
    if (args.length === 1) {
      return (frame) => {
        const values = [first!(frame)];
        const result = pick(values).call(values[0]);
        frame.charge(cost(values, result));
        return result;
      };
    }
    if (args.length === 2) {
      return (frame) => {
        const values = [first!(frame), second!(frame)];
        const result = pick(values).call(values[0], values[1]);
        frame.charge(cost(values, result));
        return result;
      };
    }
    return (frame) => {
      const values = args.map((arg) => arg(frame));
      const result = pick(values).call(...values);
      frame.charge(cost(values, result));
      return result;
    };
  }

  /** `x in [constants]` costs nothing but x. */
  #membership(values: readonly Value[], item: Evaluate): Evaluate {
    const texts = values.every((value) => typeof value === 'string') ? new Set(values as string[]) : undefined;
    return (frame) => {
      const value = item(frame);
      return texts ? typeof value === 'string' && texts.has(value) : values.some((each) => equals(each, value));
    };
  }

  #list(expression: Extract<Expr, { kind: 'list' }>): Evaluate {
    const elements = expression.elements.map((each) => this.compile(each));
    const { optional } = expression;
    return (frame) => {
      const items: Value[] = [];
      for (let i = 0; i < elements.length; i++) {
        const value = elements[i]!(frame);
        if (!optional.has(i)) items.push(value);
        else if (!(value instanceof Optional))
          throw new CelError(`cannot initialize optional list element from non-optional value ${typeNameOf(value)}`);
        else if (value.value !== undefined) items.push(value.value);
      }
      frame.charge(LIST_COST);
      return new ArrayList(items);
    };
  }

  #map(expression: Extract<Expr, { kind: 'map' }>): Evaluate {
    const entries = expression.entries.map(({ key, value, optional }) => ({
      key: this.compile(key),
      value: this.compile(value),
      optional,
    }));
    return (frame) => {
      const made: [Value, Value][] = [];
      for (const { key, value, optional } of entries) {
        const name = key(frame);
        const held = value(frame);
        if (!optional) made.push([name, held]);
        else if (!(held instanceof Optional))
          throw new CelError(`cannot initialize optional entry '${String(name)}' from non-optional value ${typeNameOf(held)}`);
        else if (held.value !== undefined) made.push([name, held.value]);
      }
      frame.charge(MAP_COST);
      return new EntryMap(made);
    };
  }

  #struct(expression: StructExpr): Evaluate {
    const fields = expression.fields.map(({ name, value, optional }) => ({ name, value: this.compile(value), optional }));
    const type = expression.type as StructType;
    return (frame) => {
      const made = new Map<string, Value>();
      for (const { name, value, optional } of fields) {
        const held = value(frame);
        if (!optional) made.set(name, held);
        else if (!(held instanceof Optional))
          throw new CelError(`cannot initialize optional entry '${name}' from non-optional value ${typeNameOf(held)}`);
        else if (held.value !== undefined) made.set(name, held.value);
      }
      frame.charge(STRUCT_COST);
      return this.#options.construct(type, made);
    };
  }

  #fold(fold: Comprehension): Evaluate {
    const range = this.compile(fold.range);
    const init = this.compile(fold.init);
    const accumulator = this.#scopes.push(fold.accumulator) - 1;
    const first = this.#scopes.push(fold.variable) - 1;
    const second = fold.variable2 === undefined ? undefined : this.#scopes.push(fold.variable2) - 1;
    const condition = this.compile(fold.condition);
    const step = this.compile(fold.step);
    this.#scopes.length = first;
    const result = this.compile(fold.result);
    this.#scopes.length = accumulator;
    const attempt = (frame: Frame, evaluate: Evaluate): Value | Failed => {
      try {
        return evaluate(frame);
      } catch (error) {
        if (error instanceof CelError && !(error instanceof CostExceededError)) return new Failed(error);
        throw error;
      }
    };
    return (frame) => {
      const over = range(frame);
      const { slots } = frame;
      slots[accumulator] = attempt(frame, init);
      for (const [key, value] of pairsOf(over, second !== undefined)) {
        slots[first] = key;
        if (second !== undefined) slots[second] = value;
        if (condition(frame) !== true) break;
        slots[accumulator] = attempt(frame, step);
      }
      return result(frame);
    };
  }
}

/** What one-variable folds see is a list's items or a map's keys; with two variables it is positions or keys, and values. */
function* pairsOf(over: Value, two: boolean): Generator<readonly [Value, Value]> {
  if (over instanceof CelList) {
    for (let i = 0; i < over.size; i++) {
      const item = over.at(i);
      yield two ? [BigInt(i), item] : [item, null];
    }
  } else if (over instanceof CelMap) {
    for (const key of over.keys()) yield [key, two ? over.find(key)! : null];
  } else throw new CelError(`got '${typeNameOf(over)}', expected iterable type`);
}

const TYPE_VALUE_NAMES: Record<string, string> = { null_type: 'null_type' };

/** Selecting from the result of a call begins a new chain, which costs one more. */
function startsChain(operand: Expr): boolean {
  if (operand.kind === 'ident' || operand.kind === 'select') return false;
  if (operand.kind !== 'call') return true;
  return ![OPERATOR.index, OPERATOR.optionalIndex, OPERATOR.optionalSelect, OPERATOR.conditional].includes(operand.name as '_[_]');
}

function picker(name: string, overloads: readonly Overload[]): (values: readonly Value[]) => Overload {
  const [only] = overloads;
  const fits = (overload: Overload, values: readonly Value[]) => overload.parameters.every((type, i) => accepts(type, values[i]!));
  const refuse = (values: readonly Value[]): never => {
    throw /^[a-zA-Z]/.test(name) ? new CelError(`no such overload: ${name}(${values.map(typeNameOf).join(', ')})`) : noSuchOverload();
  };
  if (overloads.length === 1) return (values) => (fits(only!, values) ? only! : refuse(values));
  return (values) => {
    for (const overload of overloads) if (fits(overload, values)) return overload;
    return refuse(values);
  };
}
