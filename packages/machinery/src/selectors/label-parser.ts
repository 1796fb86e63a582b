// The grammar of label selector strings and its error sentences (apimachinery labels/selector.go, Lexer and Parser).
import { isQualifiedName } from '@tiphys/api';
import type { FieldError } from '../field-error.ts';
import { fieldError } from '../field-error.ts';
import { type LabelOperator, type Requirement, requirementErrors } from './requirement.ts';

type TokenType = 'end' | 'identifier' | 'error' | ')' | '(' | ',' | '!' | '==' | '=' | '!=' | '>' | '<' | 'in' | 'notin';
interface Token {
  type: TokenType;
  text: string;
}

const SYMBOLS = new Set<string>([')', '(', ',', '!', '==', '=', '!=', '>', '<']);
const SPACE = new Set([' ', '\t', '\r', '\n']);
const isSpecial = (character: string) => '=!(),><'.includes(character);

/** Takes the longest symbol the characters form; `) ,` and the like are separate tokens. */
function symbolAt(text: string, start: number): { token: Token; next: number } {
  let end = start;
  let found = '';
  while (end < text.length && isSpecial(text[end]!)) {
    const candidate = text.slice(start, end + 1);
    if (SYMBOLS.has(candidate)) found = candidate;
    else if (found !== '') break;
    end++;
  }
  if (found === '') return { token: { type: 'error', text: `error expected: keyword found '${text.slice(start, end)}'` }, next: end };
  return { token: { type: found as TokenType, text: found }, next: end };
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (SPACE.has(text[at]!)) {
      at++;
    } else if (isSpecial(text[at]!)) {
      const { token, next } = symbolAt(text, at);
      found.push(token);
      at = next;
    } else {
      const start = at;
      while (at < text.length && !SPACE.has(text[at]!) && !isSpecial(text[at]!)) at++;
      const word = text.slice(start, at);
      found.push({ type: word === 'in' || word === 'notin' ? word : 'identifier', text: word });
    }
  }
  found.push({ type: 'end', text: '' });
  return found;
}

const BINARY_OPERATORS = 'in, notin, =, ==, !=, gt, lt';
const OPERATOR_OF: Partial<Record<TokenType, LabelOperator>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '==',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
};

const aggregated = (errors: readonly FieldError[]) => {
  const lines = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))];
  return lines.length === 1 ? lines[0]! : `[${lines.join(', ')}]`;
};

class Parser {
  readonly #tokens: Token[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  /** In the place of a value `in` and `notin` are ordinary words. */
  #peek(): Token {
    const token = this.#tokens[Math.min(this.#position, this.#tokens.length - 1)]!;
    return token.type === 'in' || token.type === 'notin' ? { type: 'identifier', text: token.text } : token;
  }

  #take(): Token {
    const token = this.#peek();
    this.#position++;
    return token;
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.type === 'end') return requirements;
      if (token.type !== 'identifier' && token.type !== '!') {
        throw new Error(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const after = this.#take();
      if (after.type === 'end') return requirements;
      if (after.type !== ',') throw new Error(`found '${after.text}', expected: ',' or 'end of string'`);
      const next = this.#peek();
      if (next.type !== 'identifier' && next.type !== '!') throw new Error(`found '${next.text}', expected: identifier after ','`);
    }
  }

  #requirement(): Requirement {
    try {
      const requirement = this.#unchecked();
      const errors = requirementErrors(requirement);
      if (errors.length) throw new Error(aggregated(errors));
      return requirement;
    } catch (error) {
      throw new Error(`unable to parse requirement: ${(error as Error).message}`, { cause: error });
    }
  }

  #unchecked(): Requirement {
    let token = this.#take();
    const absent = token.type === '!';
    if (absent) token = this.#take();
    if (token.type !== 'identifier') throw new Error(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const problems = isQualifiedName(key);
    if (problems.length) throw new Error(aggregated([fieldError.invalid('<nil>', key, problems.join('; '))]));
    if (absent) return { key, operator: '!', values: [] };
    const next = this.#peek().type;
    if (next === 'end' || next === ',') return { key, operator: 'exists', values: [] };
    const raw = this.#tokens[this.#position++]!;
    const operator = OPERATOR_OF[raw.type];
    if (!operator) throw new Error(`found '${raw.text}', expected: ${BINARY_OPERATORS}`);
    const values = operator === 'in' || operator === 'notin' ? this.#values() : this.#exactValue();
    return { key, operator, values: [...new Set(values)].sort() };
  }

  #values(): string[] {
    const open = this.#take();
    if (open.type !== '(') throw new Error(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.type === ')') {
      this.#take();
      return [''];
    }
    if (first.type !== 'identifier' && first.type !== ',') {
      throw new Error(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = this.#list();
    if (this.#take().type !== ')') throw new Error(`found '${first.text}', expected: ')'`);
    return values;
  }

  /** Empty places between commas are empty values. */
  #list(): string[] {
    const values: string[] = [];
    for (;;) {
      const token = this.#take();
      if (token.type === 'identifier') {
        values.push(token.text);
        const next = this.#peek();
        if (next.type === ')') return values;
        if (next.type !== ',') throw new Error(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.type === ',') {
        if (values.length === 0) values.push('');
        const next = this.#peek().type;
        if (next === ')') return [...values, ''];
        if (next === ',') values.push('');
      } else {
        throw new Error(`found '${token.text}', expected: ',', or identifier`);
      }
    }
  }

  #exactValue(): string[] {
    const next = this.#peek().type;
    if (next === 'end' || next === ',') return [''];
    const token = this.#take();
    if (token.type !== 'identifier') throw new Error(`found '${token.text}', expected: identifier`);
    return [token.text];
  }
}

/** The requirements in a selector string; throws an Error with upstream's sentence. */
export function parseRequirements(text: string): Requirement[] {
  const requirements = new Parser(text).parse();
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}
