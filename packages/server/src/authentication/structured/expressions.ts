// Expressions over a token's claims and over the user they make (apiserver pkg/authentication/cel, plugin/pkg/authenticator/token/oidc).
import { cel, type UserInfo } from '@tiphys/machinery';

const USER_FIELDS: Readonly<Record<string, cel.CelType>> = {
  username: cel.STRING,
  uid: cel.STRING,
  groups: cel.listOf(cel.STRING),
  extra: cel.mapOf(cel.STRING, cel.listOf(cel.STRING)),
};
const USER = cel.struct('kubernetes.UserInfo', (name) => (Object.hasOwn(USER_FIELDS, name) ? USER_FIELDS[name] : undefined));

const ENVIRONMENTS = {
  claims: cel.createEnvironment({ variables: { claims: cel.mapOf(cel.STRING, cel.DYN) } }),
  user: cel.createEnvironment({ variables: { user: USER } }),
};

export interface CompiledExpression {
  readonly text: string;
  readonly program: cel.Program;
}

/** The compiled expression, or why it is none. */
export function compileExpression(text: string, over: 'claims' | 'user', mustBeBoolean: boolean): CompiledExpression | string {
  try {
    const program = ENVIRONMENTS[over].compile(text);
    return mustBeBoolean && program.type.kind !== 'bool' ? 'must evaluate to bool' : { text, program };
  } catch (error) {
    if (error instanceof cel.CompilationError) return `compilation failed: ${error.message}`;
    throw error;
  }
}

/** JSON whose members also answer to escaped names such as `a__dot__b`, and whose numbers are doubles, as Go decodes them. */
class UnescapingMap extends cel.JsonMap {
  override find(key: cel.Value): cel.Value | undefined {
    return super.find(this.#name(key));
  }
  override has(key: cel.Value): boolean {
    return super.has(this.#name(key));
  }
  #name(key: cel.Value): cel.Value {
    return typeof key === 'string' ? (cel.unescapeName(key) ?? key) : key;
  }
}

function celValueOf(raw: unknown): cel.Value {
  if (Array.isArray(raw)) return new cel.JsonList(raw, celValueOf);
  if (typeof raw === 'object' && raw !== null) return new UnescapingMap(raw as Record<string, unknown>, celValueOf);
  return raw as null | string | boolean | number;
}

export type Claims = Readonly<Record<string, unknown>>;

const userValue = ({ name, uid = '', groups, extra = {} }: UserInfo) => celValueOf({ username: name, uid, groups, extra });

/** Throws Error saying which expression went wrong and how. */
function evaluate({ text, program }: CompiledExpression, variables: Record<string, cel.Value>): cel.Value {
  try {
    return program.evaluate(variables).value;
  } catch (error) {
    if (!(error instanceof cel.EvaluationFailure)) throw error;
    if (!(error.cause instanceof cel.CelError)) throw error.cause;
    throw new Error(`expression '${text}' resulted in error: ${error.cause.message}`);
  }
}

export const evaluateClaims = (expression: CompiledExpression, claims: Claims): cel.Value =>
  evaluate(expression, { claims: celValueOf(claims) });

export const evaluateUser = (expression: CompiledExpression, user: UserInfo): cel.Value => evaluate(expression, { user: userValue(user) });

const NOT_STRINGS = 'expression must return a string or a list of strings';

/** Text, a list of text, or nothing; empty text is as good as absent. */
export function stringsOf(value: cel.Value): string[] {
  if (value === null) return [];
  if (typeof value === 'string') return value === '' ? [] : [value];
  if (!(value instanceof cel.CelList)) throw new Error(NOT_STRINGS);
  return [...value].flatMap((each) => {
    if (typeof each !== 'string') throw new Error(NOT_STRINGS);
    return each === '' ? [] : [each];
  });
}
