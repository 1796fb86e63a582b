// Splits an expression into tokens (cel-spec "Syntax"; cel-go parser/gen/CEL.g4, parser/unescape.go).
import { CompilationError, type Issue } from './source.ts';
import { Uint } from './values.ts';

export type TokenKind = 'ident' | 'literal' | 'operator' | 'end';

export interface Token {
  kind: TokenKind;
  text: string;
  offset: number;
  value?: null | boolean | bigint | number | string | Uint8Array | Uint;
}

const OPERATORS = [
  '==',
  '!=',
  '<=',
  '>=',
  '&&',
  '||',
  '<',
  '>',
  '[',
  ']',
  '{',
  '}',
  '(',
  ')',
  '.',
  ',',
  '-',
  '!',
  '?',
  ':',
  '+',
  '*',
  '/',
  '%',
];
const IDENT = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER =
  /0[xX][0-9a-fA-F]+[uU]?|(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)|[0-9]+[uU]?/y;
const SPACE = /(?:[\t\n\f\r ]|\/\/[^\n]*)+/y;
const STRING_START = /(?:[rR][bB]?|[bB][rR]?)?("""|'''|"|')/y;
export const INT_MAX = 2n ** 63n - 1n;
export const INT_MIN = -(2n ** 63n);
export const UINT_MAX = 2n ** 64n - 1n;

const SIMPLE_ESCAPES: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
};

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

export function tokenize(text: string, issues: Issue[]): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const fail = (offset: number, message: string): never => {
    throw new CompilationError(text, [...issues, { offset, message }]);
  };
  while (at < text.length) {
    const space = match(SPACE, text, at);
    if (space) {
      at += space[0].length;
      continue;
    }
    const start = match(STRING_START, text, at);
    if (start) {
      const token = stringToken(text, at, start[0], start[1]!, fail);
      tokens.push(token.token);
      at = token.end;
      continue;
    }
    const number = match(NUMBER, text, at);
    if (number) {
      tokens.push(numberToken(number[0], at, fail));
      at += number[0].length;
      continue;
    }
    const ident = match(IDENT, text, at);
    if (ident) {
      tokens.push(word(ident[0], at));
      at += ident[0].length;
      continue;
    }
    const operator = OPERATORS.find((each) => text.startsWith(each, at));
    if (!operator) {
      const character = String.fromCodePoint(text.codePointAt(at)!);
      issues.push({ offset: at, message: `Syntax error: token recognition error at: '${character}'` });
      at += character.length;
      continue;
    }
    tokens.push({ kind: 'operator', text: operator, offset: at });
    at += operator.length;
  }
  tokens.push({ kind: 'end', text: '<EOF>', offset: text.length });
  return tokens;
}

function word(text: string, offset: number): Token {
  if (text === 'true' || text === 'false') return { kind: 'literal', text, offset, value: text === 'true' };
  if (text === 'null') return { kind: 'literal', text, offset, value: null };
  if (text === 'in') return { kind: 'operator', text, offset };
  return { kind: 'ident', text, offset };
}

function numberToken(text: string, offset: number, fail: (offset: number, message: string) => never): Token {
  const lower = text.toLowerCase();
  if (!lower.startsWith('0x') && /[.e]/.test(lower)) {
    const value = Number(text);
    if (!Number.isFinite(value)) fail(offset, 'invalid double literal');
    return { kind: 'literal', text, offset, value };
  }
  if (lower.endsWith('u')) {
    const value = BigInt(text.slice(0, -1));
    if (value > UINT_MAX) fail(offset, 'invalid uint literal');
    return { kind: 'literal', text, offset, value: new Uint(value) };
  }
  // The parser refuses 2^63 unless a minus stands before it.
  const value = BigInt(text);
  if (value > INT_MAX + 1n) fail(offset, 'invalid int literal');
  return { kind: 'literal', text, offset, value };
}

function stringToken(
  text: string,
  offset: number,
  opening: string,
  quote: string,
  fail: (offset: number, message: string) => never,
): { token: Token; end: number } {
  const prefix = opening.slice(0, opening.length - quote.length).toLowerCase();
  const raw = prefix.includes('r');
  let at = offset + opening.length;
  const from = at;
  while (!text.startsWith(quote, at)) {
    if (at >= text.length || (quote.length === 1 && text[at] === '\n'))
      fail(offset, `Syntax error: token recognition error at: '${text.slice(offset)}'`);
    at += text[at] === '\\' && !raw ? 2 : 1;
  }
  const body = text.slice(from, at);
  const isBytes = prefix.includes('b');
  const value = isBytes
    ? unescapeBytes(body, raw, () => fail(offset, 'unable to unescape string'))
    : raw
      ? body
      : unescapeText(body, () => fail(offset, 'unable to unescape string'));
  return { token: { kind: 'literal', text: text.slice(offset, at + quote.length), offset, value }, end: at + quote.length };
}

const ESCAPE = /\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]?))/g;

function unescapeText(body: string, fail: () => never): string {
  return body.replaceAll('\r\n', '\n').replace(ESCAPE, (_, hex, short, long, octal, single) => {
    if (single !== undefined) return SIMPLE_ESCAPES[single] ?? fail();
    const code = octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex ?? short ?? long, 16);
    return code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? fail() : String.fromCodePoint(code);
  });
}

function unescapeBytes(body: string, raw: boolean, fail: () => never): Uint8Array {
  const encoder = new TextEncoder();
  if (raw) return encoder.encode(body);
  const parts: number[] = [];
  let last = 0;
  for (const found of body.matchAll(ESCAPE)) {
    parts.push(...encoder.encode(body.slice(last, found.index)));
    const [whole, hex, short, long, octal, single] = found;
    if (short !== undefined || long !== undefined) fail();
    if (single !== undefined) parts.push(...encoder.encode(SIMPLE_ESCAPES[single] ?? fail()));
    else parts.push(octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex!, 16));
    last = found.index + whole.length;
  }
  parts.push(...encoder.encode(body.slice(last)));
  return Uint8Array.from(parts);
}
