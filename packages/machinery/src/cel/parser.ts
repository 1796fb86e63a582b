// Recursive descent over the grammar of cel-spec; macros are expanded while parsing (cel-go parser/parser.go).
import { type Call, type Expr, OPERATOR } from './ast.ts';
import { INT_MAX, type Token, tokenize } from './lexer.ts';
import { expandMacro, type MacroSet } from './macros.ts';
import { RESERVED_IDENTIFIERS } from './reserved.ts';
import { CompilationError, type Issue } from './source.ts';

const DEPTH_MAX = 250;
/** Operands of one chain of operators or selections: the tree is as deep as its longest chain. */
const CHAIN_MAX = 1000;
const EXPRESSION_LENGTH_MAX = 100_000;
const RELATIONS = new Set(['<', '<=', '>=', '>', '==', '!=', 'in']);

/** Operators that the generated parser goes on with where it has missed an operand before them. */
const BINARY = new Set([...RELATIONS, '*', '/', '%', '+', '||', '&&']);

/** Parses an expression; throws CompilationError. */
export function parse(text: string, macros: MacroSet): Expr {
  if (text.length > EXPRESSION_LENGTH_MAX) {
    throw new CompilationError(text.slice(0, 0), [
      { offset: 0, message: `expression code point size exceeds limit: size: ${text.length}, limit ${EXPRESSION_LENGTH_MAX}` },
    ]);
  }
  return new Parser(text, macros).whole();
}

const beginsOperand = (token: Token | undefined): boolean =>
  token !== undefined &&
  (token.kind === 'ident' ||
    token.kind === 'literal' ||
    (token.kind === 'operator' && ['[', '{', '(', '.', '-', '!'].includes(token.text)));

const operands = (after: string) =>
  `{'[', '{', '(', ${after}'.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`;

class Parser {
  readonly #text: string;
  readonly #macros: MacroSet;
  readonly #tokens: Token[];
  #at = 0;
  #depth = 0;
  /** What was wrong so far. */
  readonly #issues: Issue[] = [];

  constructor(text: string, macros: MacroSet) {
    this.#text = text;
    this.#macros = macros;
    this.#tokens = tokenize(text, this.#issues);
  }

  get #next(): Token {
    return this.#tokens[this.#at]!;
  }

  #fail(offset: number, message: string): never {
    throw new CompilationError(this.#text, [...this.#issues, { offset, message }]);
  }

  /** An operand is missing: before an operator it is noted, and the rest is read for what else is wrong. */
  #missing(): Expr {
    const { kind, text, offset } = this.#next;
    if (kind !== 'operator' || !BINARY.has(text) || beginsOperand(this.#tokens[this.#at + 1])) return this.#unexpected();
    this.#issues.push({ offset, message: `Syntax error: mismatched input '${text}' expecting ${operands('')}` });
    return { kind: 'literal', value: null, offset };
  }

  /** `after`: what could also stand there. */
  #unexpected(after = ''): never {
    const { kind, text, offset } = this.#next;
    // One that is merely too many is told apart from one that should be another.
    const isExtra = kind !== 'end' && beginsOperand(this.#tokens[this.#at + 1]);
    const what = `${isExtra ? 'extraneous' : 'mismatched'} input '${text}'`;
    return this.#fail(offset, `Syntax error: ${what} expecting ${operands(after)}`);
  }

  #checkChain(count: number): void {
    if (count > CHAIN_MAX) this.#fail(this.#next.offset, `expression recursion limit exceeded: ${CHAIN_MAX}`);
  }

  #is(text: string): boolean {
    const { kind, text: actual } = this.#next;
    return kind === 'operator' && actual === text;
  }

  #accept(text: string): Token | undefined {
    return this.#is(text) ? this.#tokens[this.#at++] : undefined;
  }

  #expect(text: string): Token {
    const token = this.#accept(text);
    if (token) return token;
    const { text: found, offset } = this.#next;
    return this.#fail(offset, `Syntax error: mismatched input '${found}' expecting '${text}'`);
  }

  /** `from`: what the alternatives that did not fit began with. */
  #identifier(from = ''): Token {
    const token = this.#next;
    if (token.kind !== 'ident') return this.#fail(token.offset, `Syntax error: no viable alternative at input '${from}${token.text}'`);
    this.#at++;
    return token;
  }

  whole(): Expr {
    const expression = this.#expression();
    const { kind, text, offset } = this.#next;
    const word = this.#tokens[this.#at + 1]?.kind === 'end' ? 'extraneous' : 'mismatched';
    if (kind !== 'end') this.#fail(offset, `Syntax error: ${word} input '${text}' expecting <EOF>`);
    if (this.#issues.length > 0) throw new CompilationError(this.#text, this.#issues);
    return expression;
  }

  #expression(): Expr {
    if (++this.#depth > DEPTH_MAX) this.#fail(this.#next.offset, `expression recursion limit exceeded: ${DEPTH_MAX}`);
    const condition = this.#logical('||', OPERATOR.or, () => this.#logical('&&', OPERATOR.and, () => this.#relation()));
    let result = condition;
    const question = this.#accept('?');
    if (question) {
      const yes = this.#logical('||', OPERATOR.or, () => this.#logical('&&', OPERATOR.and, () => this.#relation()));
      this.#expect(':');
      const no = this.#expression();
      result = { kind: 'call', name: OPERATOR.conditional, args: [condition, yes, no], offset: question.offset };
    }
    this.#depth--;
    return result;
  }

  /** Chains are built as balanced trees, which keeps long ones from nesting deeply. */
  #logical(symbol: string, name: string, operand: () => Expr): Expr {
    const terms = [operand()];
    const offsets: number[] = [];
    for (let token = this.#accept(symbol); token; token = this.#accept(symbol)) {
      offsets.push(token.offset);
      terms.push(operand());
    }
    const balanced = (from: number, to: number): Expr => {
      if (from === to) return terms[from]!;
      const middle = Math.floor((from + to + 1) / 2);
      return { kind: 'call', name, args: [balanced(from, middle - 1), balanced(middle, to)], offset: offsets[middle - 1]! };
    };
    return balanced(0, terms.length - 1);
  }

  #relation(): Expr {
    let left = this.#sum();
    for (let count = 1; this.#next.kind === 'operator' && RELATIONS.has(this.#next.text); count++) {
      this.#checkChain(count);
      const { text, offset } = this.#tokens[this.#at++]!;
      left = { kind: 'call', name: text === 'in' ? OPERATOR.in : `_${text}_`, args: [left, this.#sum()], offset };
    }
    return left;
  }

  #sum(): Expr {
    return this.#binary(['+', '-'], () => this.#binary(['*', '/', '%'], () => this.#unary()));
  }

  #binary(symbols: readonly string[], operand: () => Expr): Expr {
    let left = operand();
    for (let count = 1; this.#next.kind === 'operator' && symbols.includes(this.#next.text); count++) {
      this.#checkChain(count);
      const { text, offset } = this.#tokens[this.#at++]!;
      left = { kind: 'call', name: `_${text}_`, args: [left, operand()], offset };
    }
    return left;
  }

  #unary(): Expr {
    const first = this.#next;
    if (!this.#is('!') && !this.#is('-')) return this.#member(this.#primary());
    let count = 0;
    while (this.#accept(first.text)) count++;
    const number = this.#next;
    // A minus before a number belongs to it.
    if (
      first.text === '-' &&
      count % 2 === 1 &&
      number.kind === 'literal' &&
      (typeof number.value === 'bigint' || typeof number.value === 'number')
    ) {
      this.#at++;
      return this.#member({ kind: 'literal', value: -number.value, offset: first.offset });
    }
    const operand = this.#member(this.#primary());
    if (count % 2 === 0) return operand;
    return { kind: 'call', name: first.text === '!' ? OPERATOR.not : OPERATOR.negate, args: [operand], offset: first.offset };
  }

  #member(start: Expr): Expr {
    let left = start;
    for (let count = 1; ; count++) {
      this.#checkChain(count);
      const dot = this.#accept('.');
      if (dot) {
        const optional = this.#accept('?') !== undefined;
        const { text, offset } = this.#identifier();
        const open = optional ? undefined : this.#accept('(');
        if (optional) {
          left = {
            kind: 'call',
            name: OPERATOR.optionalSelect,
            args: [left, { kind: 'literal', value: text, offset }],
            offset: dot.offset,
          };
        } else if (open) {
          left = this.#call({ kind: 'call', name: text, target: left, args: this.#arguments(')'), offset: open.offset });
        } else left = { kind: 'select', operand: left, field: text, offset: dot.offset };
        continue;
      }
      const bracket = this.#accept('[');
      if (!bracket) break;
      const name = this.#accept('?') ? OPERATOR.optionalIndex : OPERATOR.index;
      left = { kind: 'call', name, args: [left, this.#expression()], offset: bracket.offset };
      this.#expect(']');
    }
    return left;
  }

  #call(call: Call): Expr {
    return expandMacro(this.#macros, call, (offset, message) => this.#fail(offset, message)) ?? call;
  }

  #arguments(end: string): Expr[] {
    const args: Expr[] = [];
    if (this.#accept(end)) return args;
    if (end === ')' && this.#next.kind === 'end') return this.#unexpected("')', ");
    do args.push(this.#expression());
    while (this.#accept(','));
    this.#expect(end);
    return args;
  }

  #primary(): Expr {
    const token = this.#next;
    if (token.kind === 'literal') {
      this.#at++;
      if (typeof token.value === 'bigint' && token.value > INT_MAX) this.#fail(token.offset, 'invalid int literal');
      return { kind: 'literal', value: token.value!, offset: token.offset };
    }
    if (this.#accept('(')) {
      const inner = this.#expression();
      this.#expect(')');
      return inner;
    }
    if (this.#is('[')) return this.#list();
    if (this.#is('{')) return this.#map();
    const leading = this.#accept('.');
    if (!leading && token.kind !== 'ident') return this.#missing();
    return this.#named(leading);
  }

  /** A variable, a function, or a message: `a`, `.a`, `f(x)`, `a.b.C{…}`. */
  #named(leading: Token | undefined): Expr {
    const { text, offset } = this.#identifier(leading?.text);
    if (RESERVED_IDENTIFIERS.has(text)) this.#fail(offset, `reserved identifier: ${text}`);
    const name = leading ? `.${text}` : text;
    const message = this.#messageName(name);
    if (message) return this.#struct(message);
    const open = this.#accept('(');
    if (open) return this.#call({ kind: 'call', name, args: this.#arguments(')'), offset: open.offset });
    return { kind: 'ident', name, offset: leading?.offset ?? offset };
  }

  /** Looks ahead for `.b.C{`; only then is the name taken. */
  #messageName(first: string): string | undefined {
    let at = this.#at;
    let name = first;
    const is = (i: number, text: string) => this.#tokens[i]?.kind === 'operator' && this.#tokens[i]!.text === text;
    while (is(at, '.') && this.#tokens[at + 1]?.kind === 'ident') {
      name += `.${this.#tokens[at + 1]!.text}`;
      at += 2;
    }
    if (!is(at, '{')) return undefined;
    this.#at = at;
    return name;
  }

  #struct(name: string): Expr {
    const { offset } = this.#expect('{');
    const fields: { name: string; value: Expr; optional: boolean; offset: number }[] = [];
    while (!this.#accept('}')) {
      const optional = this.#accept('?') !== undefined;
      const field = this.#identifier().text;
      const colon = this.#expect(':');
      fields.push({ name: field, value: this.#expression(), optional, offset: colon.offset });
      if (!this.#accept(',') && !this.#is('}')) this.#expect('}');
    }
    return { kind: 'struct', name, fields, offset };
  }

  #list(): Expr {
    const { offset } = this.#expect('[');
    const elements: Expr[] = [];
    const optional = new Set<number>();
    while (!this.#accept(']')) {
      if (this.#accept('?')) optional.add(elements.length);
      elements.push(this.#expression());
      if (!this.#accept(',') && !this.#is(']')) this.#expect(']');
    }
    return { kind: 'list', elements, optional, offset };
  }

  #map(): Expr {
    const { offset } = this.#expect('{');
    const entries: { key: Expr; value: Expr; optional: boolean; offset: number }[] = [];
    while (!this.#accept('}')) {
      const optional = this.#accept('?') !== undefined;
      const key = this.#expression();
      const colon = this.#expect(':');
      entries.push({ key, value: this.#expression(), optional, offset: colon.offset });
      if (!this.#accept(',') && !this.#is('}')) this.#expect('}');
    }
    return { kind: 'map', entries, offset };
  }
}
