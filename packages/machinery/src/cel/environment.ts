// What expressions may name, and how they become programs (cel-go cel/{env,program}.go; apiserver pkg/cel/environment).
import { type Expr, OPERATOR } from './ast.ts';
import { check } from './checker.ts';
import { compileExpression, type EvaluationOptions, Frame, type Variables } from './evaluate.ts';
import { type Declared, type FunctionTable, functionTable } from './functions.ts';
import { ADDRESSES, CIDR_TYPE, IP_TYPE } from './library/addresses.ts';
import {
  AUTHORIZER,
  AUTHORIZER_TYPE,
  DECISION_TYPE,
  GROUP_CHECK_TYPE,
  PATH_CHECK_TYPE,
  RESOURCE_CHECK_TYPE,
} from './library/authorizer.ts';
import { FORMAT_TYPE, JSON_PATCH, KUBERNETES, QUANTITY_TYPE, SEMVER_TYPE, URL_TYPE } from './library/kubernetes.ts';
import { LISTS } from './library/lists.ts';
import { OPTIONALS } from './library/optionals.ts';
import { REGEX } from './library/regex.ts';
import { STRINGS } from './library/strings.ts';
import { literalIssues, partsOf } from './literals.ts';
import { KUBERNETES_MACROS } from './macros.ts';
import { parse } from './parser.ts';
import { CompilationError } from './source.ts';
import { STANDARD } from './standard.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL,
  optionalOf,
  STRING,
  type StructType,
  TIMESTAMP,
  typeOf,
  UINT,
} from './types.ts';
import { EntryMap, type Value } from './values.ts';

/** What one evaluation may cost (apiserver pkg/apis/cel PerCallLimit). */
export const COST_PER_CALL_MAX = 1_000_000;

const BASE_FUNCTIONS: readonly (readonly Declared[])[] = [STANDARD, STRINGS, LISTS, OPTIONALS, REGEX, KUBERNETES, ADDRESSES, AUTHORIZER];
const BASE_TABLE = functionTable(...BASE_FUNCTIONS);
const WITH_PATCH = functionTable(...BASE_FUNCTIONS, JSON_PATCH);

const STRUCTS = [
  QUANTITY_TYPE,
  URL_TYPE,
  SEMVER_TYPE,
  FORMAT_TYPE,
  AUTHORIZER_TYPE,
  PATH_CHECK_TYPE,
  GROUP_CHECK_TYPE,
  RESOURCE_CHECK_TYPE,
  DECISION_TYPE,
];

const TYPES: ReadonlyMap<string, CelType> = new Map<string, CelType>([
  ['bool', BOOL],
  ['int', INT],
  ['uint', UINT],
  ['double', DOUBLE],
  ['string', STRING],
  ['bytes', BYTES],
  ['null_type', NULL],
  ['list', listOf(DYN)],
  ['map', mapOf(DYN, DYN)],
  ['type', typeOf()],
  ['optional_type', optionalOf(DYN)],
  ['google.protobuf.Timestamp', TIMESTAMP],
  ['google.protobuf.Duration', DURATION],
  ['net.IP', IP_TYPE],
  ['net.CIDR', CIDR_TYPE],
  ...STRUCTS.map((type): [string, CelType] => [type.name, type]),
]);

export interface EnvironmentOptions {
  variables: Readonly<Record<string, CelType>>;
  /** Further types that expressions name or make objects of. */
  typeNamed?: (name: string) => StructType | undefined;
  construct?: EvaluationOptions['construct'];
  /** jsonpatch.escapeKey(), which only mutating policies have. */
  jsonPatch?: boolean;
}

export interface Evaluation {
  value: Value;
  cost: number;
}

/** A compiled expression. It keeps no state and may be evaluated any number of times. */
export interface Program {
  readonly expression: Expr;
  readonly type: CelType;
  /** Whether the expression names the variable. */
  uses(variable: string): boolean;
  /** Whether the expression asks for that field of the variable itself: `claims.email`, `claims.?email`. */
  selects(variable: string, field: string): boolean;
  /** Throws CelError. `limit` is what it may cost. */
  evaluate(variables: Variables | Readonly<Record<string, Value>>, limit?: number): Evaluation;
}

/** What it cost until an error was thrown is told with the error. */
export class EvaluationFailure {
  readonly cause: unknown;
  readonly cost: number;
  constructor(cause: unknown, cost: number) {
    this.cause = cause;
    this.cost = cost;
  }
}

export interface Environment {
  /** Throws CompilationError with upstream's message. */
  compile(text: string): Program;
}

function namesIn(expression: Expr, into: Set<string>): Set<string> {
  if (expression.kind === 'ident') into.add(expression.name);
  for (const part of partsOf(expression)) namesIn(part, into);
  return into;
}

function selects(expression: Expr, variable: string, field: string): boolean {
  const isVariable = (part: Expr | undefined) => part?.kind === 'ident' && part.name === variable;
  if (expression.kind === 'select' && expression.field === field && isVariable(expression.operand)) return true;
  if (expression.kind === 'call' && expression.name === OPERATOR.optionalSelect) {
    const [operand, name] = expression.args;
    if (isVariable(operand) && name?.kind === 'literal' && name.value === field) return true;
  }
  return partsOf(expression).some((part) => selects(part, variable, field));
}

export function createEnvironment(options: EnvironmentOptions): Environment {
  const functions: FunctionTable = options.jsonPatch ? WITH_PATCH : BASE_TABLE;
  const variables = new Map(Object.entries(options.variables));
  const typeNamed = (name: string): CelType | undefined => TYPES.get(name) ?? options.typeNamed?.(name);
  const construct = options.construct ?? ((_: StructType, fields: ReadonlyMap<string, Value>) => new EntryMap(fields));
  return {
    compile(text) {
      const expression = parse(text, KUBERNETES_MACROS);
      const { type, issues } = check(expression, { functions, variables, typeNamed });
      const all = issues.length ? issues : literalIssues(expression);
      if (all.length) throw new CompilationError(text, all);
      const run = compileExpression(expression, { construct });
      const names = namesIn(expression, new Set());
      return {
        expression,
        type,
        uses: (variable) => names.has(variable),
        selects: (variable, field) => selects(expression, variable, field),
        evaluate(given, limit = COST_PER_CALL_MAX) {
          const lookUp: Variables = typeof given === 'function' ? given : (name) => (Object.hasOwn(given, name) ? given[name] : undefined);
          const frame = new Frame(lookUp, limit);
          try {
            return { value: run(frame), cost: frame.cost };
          } catch (error) {
            throw new EvaluationFailure(error, frame.cost);
          }
        },
      };
    },
  };
}
