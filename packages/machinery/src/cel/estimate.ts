// The most an expression can cost, estimated without evaluating it (cel-go checker/cost.go; apiserver pkg/cel/library/cost.go).
// Only upper bounds are kept; Infinity stands for what has none.
import { ACCUMULATOR, type Call, type Comprehension, type Expr, OPERATOR } from './ast.ts';
import { AUTHORIZER_CHECK_COST, REGEX, TRAVERSAL } from './cost.ts';
import { partsOf } from './literals.ts';
import { type CelType, isOptional } from './types.ts';
import { textLength } from './values.ts';

/** Largest size of what a path leads to, such as ['self', 'names', '@items']; undefined when that is not declared. */
export type SizeOf = (path: readonly string[]) => number | undefined;

/** Largest cost. */
export function estimatedCost(expression: Expr, sizeOf: SizeOf): number {
  return new Estimator(sizeOf).cost(expression);
}

interface Local {
  path: readonly string[] | undefined;
  size?: number | undefined;
  entry?: Entry | undefined;
}
interface Entry {
  list: boolean;
  key: number;
  value: number;
}

const SCALARS = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);
const FORMAT_REGEX_SIZE_MAX = 128;
const ADDRESS_SIZE_MAX = 16;

const scaled = (size: number, factor = TRAVERSAL) => Math.ceil(size * factor);
/** A product in which nothing times anything is nothing. */
const times = (a: number, b: number) => (a === 0 || b === 0 ? 0 : a * b);

function isScalar(type: CelType | undefined): boolean {
  if (!type) return false;
  return SCALARS.has(type.kind) || (isOptional(type) && isScalar(type.parameters[0]));
}

class Estimator {
  readonly #sizeOf: SizeOf;
  readonly #locals = new Map<string, Local[]>();
  readonly #paths = new Map<Expr, readonly string[]>();
  readonly #sizes = new Map<Expr, number>();
  readonly #entries = new Map<Expr, Entry>();

  constructor(sizeOf: SizeOf) {
    this.#sizeOf = sizeOf;
  }

  cost(expression: Expr): number {
    switch (expression.kind) {
      case 'literal':
        return 0;
      case 'ident': {
        const local = this.#local(expression.name);
        const path = local ? local.path : [expression.name];
        if (path) this.#paths.set(expression, path);
        return 1;
      }
      case 'select':
        return this.#select(expression);
      case 'call':
        return this.#call(expression);
      case 'list': {
        const cost = this.#sum(expression.elements);
        const value = Math.max(0, ...expression.elements.map((each) => this.#sizeOrUnknown(each)));
        this.#entries.set(expression, { list: true, key: 1, value });
        return cost + 10;
      }
      case 'map': {
        const cost = this.#sum(partsOf(expression));
        const key = Math.max(0, ...expression.entries.map((each) => this.#sizeOrUnknown(each.key)));
        const value = Math.max(0, ...expression.entries.map((each) => this.#sizeOrUnknown(each.value)));
        this.#entries.set(expression, { list: false, key, value });
        return cost + 30;
      }
      case 'struct':
        return this.#sum(partsOf(expression)) + 40;
      case 'comprehension':
        return this.#isBinding(expression) ? this.#binding(expression) : this.#fold(expression);
    }
  }

  #sum(expressions: readonly Expr[]): number {
    return expressions.reduce((sum, each) => sum + this.cost(each), 0);
  }

  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1);
  }

  #push(name: string, local: Local): void {
    this.#locals.set(name, [...(this.#locals.get(name) ?? []), local]);
  }

  #pop(name: string): void {
    this.#locals.get(name)!.pop();
  }

  #path(expression: Expr): readonly string[] | undefined {
    if (expression.kind === 'ident') {
      const local = this.#local(expression.name);
      if (local) return local.path;
    }
    return this.#paths.get(expression);
  }

  #extended(expression: Expr, name: string): readonly string[] | undefined {
    const path = this.#path(expression);
    return path && [...path, name];
  }

  #select(select: Extract<Expr, { kind: 'select' }>): number {
    const { operand, field, testOnly } = select;
    const cost = this.cost(operand);
    if (testOnly) return cost;
    const path = this.#extended(operand, field);
    if (path) this.#paths.set(select, path);
    return cost + (['map', 'struct', 'parameter'].includes(operand.type?.kind ?? '') ? 1 : 0);
  }

  #size(expression: Expr): number | undefined {
    const known = this.#sizes.get(expression);
    if (known !== undefined) return known;
    if (expression.kind === 'literal') {
      const { value } = expression;
      return typeof value === 'string' ? textLength(value) : value instanceof Uint8Array ? value.length : 1;
    }
    if (expression.kind === 'list') return expression.elements.length;
    if (expression.kind === 'map') return expression.entries.length;
    const path = this.#path(expression);
    if (path?.length && path[0] !== ACCUMULATOR) {
      const declared = this.#sizeOf(path);
      if (declared !== undefined) return declared;
    }
    if (isScalar(expression.type)) return 1;
    return expression.kind === 'ident' ? this.#local(expression.name)?.size : undefined;
  }

  #sizeOrUnknown(expression: Expr): number {
    return this.#size(expression) ?? Number.POSITIVE_INFINITY;
  }

  #entry(expression: Expr): Entry | undefined {
    const known = this.#entries.get(expression);
    return known ?? (expression.kind === 'ident' ? this.#local(expression.name)?.entry : undefined);
  }

  #isBinding({ range, condition, accumulator }: Comprehension): boolean {
    return (
      range.kind === 'list' &&
      range.elements.length === 0 &&
      condition.kind === 'literal' &&
      condition.value === false &&
      accumulator !== ACCUMULATOR
    );
  }

  #binding(bound: Comprehension): number {
    const cost = this.cost(bound.range) + this.cost(bound.init);
    this.#push(bound.accumulator, { path: this.#path(bound.init), size: this.#size(bound.init), entry: this.#entry(bound.init) });
    const result = this.cost(bound.result);
    const size = this.#size(bound.result);
    const entry = this.#entry(bound.result);
    this.#pop(bound.accumulator);
    if (size !== undefined) this.#sizes.set(bound, size);
    if (entry) this.#entries.set(bound, entry);
    return cost + result;
  }

  #fold(fold: Comprehension): number {
    const before = this.cost(fold.range) + this.cost(fold.init);
    this.#push(fold.accumulator, {
      path: this.#path(fold.init) ?? [ACCUMULATOR],
      size: this.#size(fold.init),
      entry: this.#entry(fold.init),
    });
    const entry = this.#entry(fold.range);
    const isList = entry ? entry.list : fold.range.type?.kind === 'list';
    const keys: Local = { path: this.#extended(fold.range, isList ? '@indices' : '@keys'), size: entry?.key };
    const values: Local = { path: this.#extended(fold.range, isList ? '@items' : '@values'), size: entry?.value };
    this.#push(fold.variable, fold.variable2 === undefined && isList ? values : keys);
    if (fold.variable2 !== undefined) this.#push(fold.variable2, values);
    const loop = this.cost(fold.condition) + this.cost(fold.step);
    const stepEntry = this.#entry(fold.step);
    this.#pop(fold.variable);
    if (fold.variable2 !== undefined) this.#pop(fold.variable2);
    const result = this.cost(fold.result);
    this.#pop(fold.accumulator);
    const count = this.#sizeOrUnknown(fold.range);
    if (fold.init.kind === 'list' || fold.init.kind === 'map') {
      this.#sizes.set(fold, count);
      if (stepEntry) this.#entries.set(fold, stepEntry);
    } else if (fold.init.kind === 'literal') this.#sizes.set(fold, 1);
    return before + result + times(count, loop);
  }

  #call(call: Call): number {
    const { args, target, name } = call;
    const argCosts = args.map((arg) => this.cost(arg));
    const targetCost = target ? this.cost(target) : 0;
    const own = this.#own(call, argCosts);
    const sum = argCosts.reduce((total, each) => total + each, 0);
    if (name === 'dyn') {
      const size = this.#size(args[0]!);
      if (size !== undefined) this.#sizes.set(call, size);
    }
    if (name === OPERATOR.index) {
      const entry = this.#entry(args[0]!);
      const path = this.#extended(args[0]!, args[0]!.type?.kind === 'map' ? '@values' : '@items');
      if (path) this.#paths.set(call, path);
      const size = entry?.value ?? this.#size(call);
      if (size !== undefined) this.#sizes.set(call, size);
    } else if (own.size !== undefined) this.#sizes.set(call, own.size);
    return targetCost + (own.replacesArguments ? own.cost : own.cost + sum);
  }

  #own(call: Call, argCosts: readonly number[]): { cost: number; size?: number; replacesArguments?: boolean } {
    const { name, args, target } = call;
    const size = (expression: Expr | undefined) => (expression ? this.#sizeOrUnknown(expression) : 0);
    const [a, b] = args;
    if (name === OPERATOR.conditional) {
      const entry = this.#entry(args[1]!) ?? this.#entry(args[2]!);
      if (entry) this.#entries.set(call, entry);
      const cost = argCosts[0]! + Math.max(argCosts[1]!, argCosts[2]!);
      return { cost, size: Math.max(size(args[1]), size(args[2])), replacesArguments: true };
    }
    if (name === OPERATOR.and || name === OPERATOR.or) return { cost: 0 };
    if (name === OPERATOR.add) return this.#sumOf(call);
    if (name === OPERATOR.equals || name === OPERATOR.notEquals) return { cost: scaled(Math.min(size(a), size(b))) };
    if (name === OPERATOR.in && b?.type?.kind === 'list') return { cost: size(b) };
    if (/^_(<|<=|>|>=)_$/.test(name) && ['string', 'bytes'].includes(a?.type?.kind ?? ''))
      return { cost: scaled(Math.min(size(a), size(b))) };
    const estimate = ESTIMATES[name];
    return estimate
      ? estimate({ call, target: target ? size(target) : 0, args: args.map(size), entry: target && this.#itemSize(target) })
      : { cost: 1 };
  }

  #sumOf(call: Call): { cost: number; size?: number } {
    const [a, b] = call.args as [Expr, Expr];
    const kind = a.type?.kind;
    if (kind !== 'string' && kind !== 'bytes' && kind !== 'list') return { cost: 1 };
    const size = this.#sizeOrUnknown(a) + this.#sizeOrUnknown(b);
    const left = this.#entry(a);
    const right = this.#entry(b);
    if (left && right)
      this.#entries.set(call, { list: left.list, key: Math.max(left.key, right.key), value: Math.max(left.value, right.value) });
    else if (left || right) this.#entries.set(call, (left ?? right)!);
    return { cost: kind === 'list' ? 1 : scaled(size), size };
  }

  /** Largest item of a list that is a target. */
  #itemSize(list: Expr): number | undefined {
    const path = this.#extended(list, '@items');
    return path && this.#sizeOf(path);
  }
}

interface CallSizes {
  call: Call;
  target: number;
  args: readonly number[];
  entry: number | undefined;
}
type Estimate = (sizes: CallSizes) => { cost: number; size?: number };

const argument: Estimate = ({ args: [first = 0] }) => ({ cost: scaled(first) });
const ofTarget: Estimate = ({ target }) => ({ cost: scaled(target), size: target });
const pattern: Estimate = ({ target, args: [first = 0] }) => ({ cost: times(scaled(target + 1), scaled(first, REGEX)) });

const traversal: Estimate = ({ call, target, entry }) => {
  const type = call.target?.type;
  if (type?.kind !== 'list') return { cost: scaled(target) };
  const isText = type.element.kind === 'string' || type.element.kind === 'bytes';
  return { cost: times(target, isText ? 1 + scaled(entry ?? Number.POSITIVE_INFINITY) : 1) };
};

const selector: Estimate = ({ args: [first = 0] }) => ({ cost: 10 + scaled(first) + Math.ceil(scaled(first, 0.5) * 50) });
const pairs: Estimate = ({ args: [a = 0, b = 0] }) => ({ cost: 1 + times(a, b) });
const output: Estimate = ({ target }) => ({ cost: target + 10, size: target });
const squared: Estimate = ({ target }) => ({ cost: times(target, target) + 10, size: target });

const join: Estimate = ({ target, args: [separator = 0], entry }) => {
  const size = times(target, entry ?? Number.POSITIVE_INFINITY) + times(separator, Math.max(0, target - 1));
  return { cost: scaled(size), size };
};

const replace: Estimate = ({ call, target, args: [, replacement = 0] }) => {
  const old = call.args[0];
  const known = old?.kind === 'literal' && typeof old.value === 'string' ? textLength(old.value) : 0;
  const count = known === 0 ? target + 1 : replacement <= known ? 0 : Math.ceil(target / known);
  return { cost: scaled(target, 2 * TRAVERSAL), size: times(count, replacement) + target };
};

const addresses = (args: readonly number[], text: boolean, more: number) => ({
  cost: scaled(ADDRESS_SIZE_MAX * 2) + more + (text ? scaled(scaled(args[0] ?? 0, 1)) : 0),
});

const ESTIMATES: Readonly<Record<string, Estimate>> = {
  check: () => ({ cost: AUTHORIZER_CHECK_COST }),
  fieldSelector: selector,
  labelSelector: selector,
  ...Object.fromEntries(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'].map((name) => [name, traversal])),
  ...Object.fromEntries(
    ['cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver', 'startsWith', 'endsWith'].map((name) => [name, argument]),
  ),
  ip: ({ call, args: [first = 0] }) => ({ cost: call.target ? 1 : scaled(first) }),
  'ip.isCanonical': ({ args: [first = 0] }) => ({ cost: scaled(first, 2 * TRAVERSAL) }),
  url: ({ args: [first = 0] }) => ({ cost: scaled(first), size: first }),
  'jsonpatch.escapeKey': ({ args: [first = 0] }) => ({ cost: scaled(first), size: first }),
  lowerAscii: ofTarget,
  upperAscii: ofTarget,
  substring: ofTarget,
  trim: ofTarget,
  replace,
  split: ({ target }) => ({ cost: scaled(target, 2 * TRAVERSAL), size: target }),
  join,
  find: ({ target, ...rest }) => ({ ...pattern({ target, ...rest }), size: target }),
  findAll: ({ target, ...rest }) => ({ ...pattern({ target, ...rest }), size: target }),
  matches: ({ call, target, args, entry }) => (call.target ? pattern({ call, target, args, entry }) : { cost: 1 }),
  contains: ({ target, args: [first = 0] }) => ({ cost: times(scaled(target), scaled(first)) }),
  validate: ({ args: [first = 0] }) => ({ cost: scaled(scaled(first), FORMAT_REGEX_SIZE_MAX * REGEX) }),
  containsIP: ({ call, args }) => addresses(args, call.args[0]?.type?.kind === 'string', 0),
  containsCIDR: ({ call, args }) => addresses(args, call.args[0]?.type?.kind === 'string', scaled(ADDRESS_SIZE_MAX) + 1),
  format: ({ target }) => ({ cost: scaled(target) }),
  bytes: ({ args: [first = 0], call }) => (call.args[0]?.type?.kind === 'string' ? { cost: scaled(first), size: first * 4 } : { cost: 1 }),
  string: ({ args: [first = 0], call }) => (call.args[0]?.type?.kind === 'bytes' ? { cost: scaled(first), size: first } : { cost: 1 }),
  'strings.quote': ({ args: [first = 0] }) => ({ cost: scaled(first), size: first * 2 + 2 }),
  'sets.contains': pairs,
  'sets.intersects': pairs,
  'sets.equivalent': ({ args: [a = 0, b = 0] }) => ({ cost: 1 + 2 * times(a, b) }),
  slice: output,
  reverse: output,
  flatten: output,
  distinct: squared,
  sort: squared,
  '@sortByAssociatedKeys': squared,
};
