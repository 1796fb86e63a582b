// The syntax tree: what the parser makes, the checker annotates and the evaluator compiles (cel-spec syntax.proto).
import type { Overload } from './functions.ts';
import type { CelType } from './types.ts';
import type { Uint } from './values.ts';

interface Base {
  /** Where errors point to: the operator, the dot, the parenthesis. */
  offset: number;
  /** Set by the checker. */
  type?: CelType;
}

export interface Literal extends Base {
  kind: 'literal';
  value: null | boolean | bigint | number | string | Uint8Array | Uint;
}
export interface Ident extends Base {
  kind: 'ident';
  name: string;
  /** Set by the checker when the name is a type's. */
  typeName?: string;
}
export interface Select extends Base {
  kind: 'select';
  operand: Expr;
  field: string;
  /** has(operand.field) */
  testOnly?: boolean;
  /** Set by the checker when the whole chain is one dotted name of a variable or type. */
  qualified?: Ident;
}
export interface Call extends Base {
  kind: 'call';
  name: string;
  target?: Expr;
  args: Expr[];
  /** Set by the checker. */
  overloads?: readonly Overload[];
}
export interface ListExpr extends Base {
  kind: 'list';
  elements: Expr[];
  optional: ReadonlySet<number>;
}
export interface Entry {
  key: Expr;
  value: Expr;
  optional: boolean;
  offset: number;
}
export interface MapExpr extends Base {
  kind: 'map';
  entries: Entry[];
}
export interface StructExpr extends Base {
  kind: 'struct';
  name: string;
  fields: { name: string; value: Expr; optional: boolean; offset: number }[];
}
export interface Comprehension extends Base {
  kind: 'comprehension';
  range: Expr;
  variable: string;
  /** Present in the forms with two variables. */
  variable2?: string;
  accumulator: string;
  init: Expr;
  condition: Expr;
  step: Expr;
  result: Expr;
}

export type Expr = Literal | Ident | Select | Call | ListExpr | MapExpr | StructExpr | Comprehension;

export const ACCUMULATOR = '@result';

/** Upstream's names of operators, as overload errors show them. */
export const OPERATOR = {
  conditional: '_?_:_',
  and: '_&&_',
  or: '_||_',
  not: '!_',
  negate: '-_',
  equals: '_==_',
  notEquals: '_!=_',
  add: '_+_',
  index: '_[_]',
  optionalIndex: '_[?_]',
  optionalSelect: '_?._',
  in: '@in',
  notStrictlyFalse: '@not_strictly_false',
} as const;
