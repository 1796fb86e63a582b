// Macros: calls that the parser replaces by other expressions (cel-go parser/macro.go, ext/{comprehensions,bindings,lists}.go,
// cel/macro.go and cel/library.go for optionals).
import { ACCUMULATOR, type Call, type Comprehension, type Expr, type Ident, OPERATOR } from './ast.ts';

type Fail = (offset: number, message: string) => never;
type Expander = (call: Call, fail: Fail) => Expr;

/** By name, number of arguments and whether it has a target: `all/2/member`. */
export type MacroSet = ReadonlyMap<string, Expander>;

export const macroKey = (name: string, count: number, member: boolean): string => `${name}/${count}${member ? '/member' : ''}`;

export function expandMacro(macros: MacroSet, call: Call, fail: Fail): Expr | undefined {
  return macros.get(macroKey(call.name, call.args.length, call.target !== undefined))?.(call, fail);
}

const ident = (name: string, offset: number): Ident => ({ kind: 'ident', name, offset });
const literal = (value: boolean | bigint, offset: number): Expr => ({ kind: 'literal', value, offset });
const call = (name: string, offset: number, ...args: Expr[]): Call => ({ kind: 'call', name, args, offset });
const list = (offset: number, ...elements: Expr[]): Expr => ({ kind: 'list', elements, optional: new Set(), offset });
const emptyMap = (offset: number): Expr => ({ kind: 'map', entries: [], offset });

function variable(expression: Expr, fail: Fail, message: string): string {
  if (expression.kind !== 'ident' || expression.name.startsWith('.')) return fail(expression.offset, message);
  if (expression.name === ACCUMULATOR || expression.name === '__result__') {
    fail(expression.offset, 'iteration variable overwrites accumulator variable');
  }
  return expression.name;
}

const NAME = 'argument must be a simple name';
const IDENTIFIER = 'argument is not an identifier';

type Parts = Pick<Comprehension, 'init' | 'condition' | 'step' | 'result'>;

function fold({ target, offset }: Call, names: readonly string[], parts: Parts): Expr {
  const [first, second] = names;
  return {
    kind: 'comprehension',
    range: target!,
    variable: first!,
    ...(second === undefined ? {} : { variable2: second }),
    accumulator: ACCUMULATOR,
    ...parts,
    offset,
  };
}

type Quantifier = 'all' | 'exists' | 'existsOne';

function quantified(kind: Quantifier, predicate: Expr, offset: number): Parts {
  const accumulated = () => ident(ACCUMULATOR, offset);
  if (kind === 'all') {
    return {
      init: literal(true, offset),
      condition: call(OPERATOR.notStrictlyFalse, offset, accumulated()),
      step: call(OPERATOR.and, offset, accumulated(), predicate),
      result: accumulated(),
    };
  }
  if (kind === 'exists') {
    return {
      init: literal(false, offset),
      condition: call(OPERATOR.notStrictlyFalse, offset, call(OPERATOR.not, offset, accumulated())),
      step: call(OPERATOR.or, offset, accumulated(), predicate),
      result: accumulated(),
    };
  }
  const more = call(OPERATOR.add, offset, accumulated(), literal(1n, offset));
  return {
    init: literal(0n, offset),
    condition: literal(true, offset),
    step: call(OPERATOR.conditional, offset, predicate, more, accumulated()),
    result: call(OPERATOR.equals, offset, accumulated(), literal(1n, offset)),
  };
}

function gathered(offset: number, init: Expr, next: Expr, filter?: Expr): Parts {
  const accumulated = () => ident(ACCUMULATOR, offset);
  const step = filter ? call(OPERATOR.conditional, offset, filter, next, accumulated()) : next;
  return { init, condition: literal(true, offset), step, result: accumulated() };
}

const appended = (offset: number, item: Expr) => call(OPERATOR.add, offset, ident(ACCUMULATOR, offset), list(offset, item));

function twoNames({ args }: Call, fail: Fail): [string, string] {
  const names: [string, string] = [variable(args[0]!, fail, NAME), variable(args[1]!, fail, NAME)];
  if (names[0] === names[1]) fail(args[1]!.offset, `duplicate variable name: ${names[1]}`);
  return names;
}

const quantifier =
  (kind: Quantifier, count: 1 | 2): Expander =>
  (it, fail) =>
    fold(it, count === 1 ? [variable(it.args[0]!, fail, NAME)] : twoNames(it, fail), quantified(kind, it.args[count]!, it.offset));

const map: Expander = (it, fail) => {
  const name = variable(it.args[0]!, fail, IDENTIFIER);
  const [, second, third] = it.args;
  const parts = gathered(it.offset, list(it.offset), appended(it.offset, third ?? second!), third ? second : undefined);
  return fold(it, [name], parts);
};

const filter: Expander = (it, fail) => {
  const name = variable(it.args[0]!, fail, IDENTIFIER);
  return fold(it, [name], gathered(it.offset, list(it.offset), appended(it.offset, it.args[0]!), it.args[1]));
};

const transformList: Expander = (it, fail) => {
  const names = twoNames(it, fail);
  const [, , third, fourth] = it.args;
  return fold(it, names, gathered(it.offset, list(it.offset), appended(it.offset, fourth ?? third!), fourth ? third : undefined));
};

const transformMap =
  (withKey: boolean): Expander =>
  (it, fail) => {
    const names = twoNames(it, fail);
    const [key, , third, fourth] = it.args;
    const value = fourth ?? third!;
    const accumulated = ident(ACCUMULATOR, it.offset);
    const next = withKey
      ? call('cel.@mapInsert', it.offset, accumulated, value)
      : call('cel.@mapInsert', it.offset, accumulated, key!, value);
    return fold(it, names, gathered(it.offset, emptyMap(it.offset), next, fourth ? third : undefined));
  };

const has: Expander = ({ args, offset }, fail) => {
  const [argument] = args;
  if (argument!.kind !== 'select') return fail(argument!.offset, 'invalid argument to has() macro');
  return { ...argument!, testOnly: true, offset };
};

/** A name for a value: a fold that runs no step. */
function bound(name: string, value: Expr, result: Expr, offset: number): Expr {
  return {
    kind: 'comprehension',
    range: list(offset),
    variable: '#unused',
    accumulator: name,
    init: value,
    condition: literal(false, offset),
    step: ident(name, offset),
    result,
    offset,
  };
}

/** target.optMap(name, expression): the expression of the value, if there is one. */
const optionalMap =
  (flat: boolean): Expander =>
  (it, fail) => {
    const { target, offset } = it;
    const name = variable(it.args[0]!, fail, `${it.name}() variable name must be a simple identifier`);
    const member = (function_: string): Call => ({ kind: 'call', name: function_, target: target!, args: [], offset });
    const inner = bound(name, member('value'), it.args[1]!, offset);
    const yes = flat ? inner : call('optional.of', offset, inner);
    return call(OPERATOR.conditional, offset, member('hasValue'), yes, call('optional.none', offset));
  };

/** list.sortBy(e, key): sorts by keys computed first. */
const sortBy: Expander = (it, fail) => {
  const { offset, target, args } = it;
  const name = variable(args[0]!, fail, `sortBy can only be applied to a list, identifier, comprehension, call or select expression`);
  const keys = fold(
    { ...it, target: ident('@__sortBy_input__', offset) },
    [name],
    gathered(offset, list(offset), appended(offset, args[1]!)),
  );
  const sorted: Call = { kind: 'call', name: '@sortByAssociatedKeys', target: ident('@__sortBy_input__', offset), args: [keys], offset };
  return bound('@__sortBy_input__', target!, sorted, offset);
};

export const STANDARD_MACROS: MacroSet = new Map<string, Expander>([
  [macroKey('has', 1, false), has],
  [macroKey('all', 2, true), quantifier('all', 1)],
  [macroKey('exists', 2, true), quantifier('exists', 1)],
  [macroKey('exists_one', 2, true), quantifier('existsOne', 1)],
  [macroKey('existsOne', 2, true), quantifier('existsOne', 1)],
  [macroKey('map', 2, true), map],
  [macroKey('map', 3, true), map],
  [macroKey('filter', 2, true), filter],
]);

/** What Kubernetes adds: optionals, folds over keys and values, sortBy. */
export const KUBERNETES_MACROS: MacroSet = new Map<string, Expander>([
  ...STANDARD_MACROS,
  [macroKey('all', 3, true), quantifier('all', 2)],
  [macroKey('exists', 3, true), quantifier('exists', 2)],
  [macroKey('exists_one', 3, true), quantifier('existsOne', 2)],
  [macroKey('existsOne', 3, true), quantifier('existsOne', 2)],
  [macroKey('transformList', 3, true), transformList],
  [macroKey('transformList', 4, true), transformList],
  [macroKey('transformMap', 3, true), transformMap(false)],
  [macroKey('transformMap', 4, true), transformMap(false)],
  [macroKey('transformMapEntry', 3, true), transformMap(true)],
  [macroKey('transformMapEntry', 4, true), transformMap(true)],
  [macroKey('optMap', 2, true), optionalMap(false)],
  [macroKey('optFlatMap', 2, true), optionalMap(true)],
  [macroKey('sortBy', 2, true), sortBy],
]);
