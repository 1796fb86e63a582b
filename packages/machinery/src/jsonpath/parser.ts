// Parses kubectl's JSONPath templates: text with actions in braces (client-go util/jsonpath/parser.go).
// Specification: https://kubernetes.io/docs/reference/kubectl/jsonpath/

export interface Bound {
  known: boolean;
  value: number;
  /** Not written, but follows from the first bound: `[2]` means `[2:3]`. */
  derived?: boolean;
}

export type PathNode =
  | { type: 'text'; text: string }
  | { type: 'field'; name: string }
  | { type: 'array'; bounds: readonly [Bound, Bound, Bound] }
  | { type: 'filter'; left: PathNode[]; right: PathNode[]; operator: string }
  | { type: 'value'; value: number | boolean }
  | { type: 'wildcard' }
  | { type: 'recursive' }
  | { type: 'union'; branches: PathNode[][] }
  | { type: 'identifier'; name: string };

/** Text between actions is an action of one text node. */
export type PathAction = PathNode[];

const SLICE = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/;
const QUOTED_KEY = /^'([^']*)'$/;
const COMPARISON = /^([^!<>=]+)([!<>=]+)(.+?)$/s;

const isLineEnd = (c: string) => c === '\r' || c === '\n';
const isWord = (c: string) => c === '_' || /[\p{L}\p{Nd}]/u.test(c);
const isDigit = (c: string) => /\p{Nd}/u.test(c);
const isTerminator = (c: string) => c === '' || ' \t.,[]$@{}'.includes(c) || isLineEnd(c);

const ESCAPES: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\' };

/** A quoted string's meaning, with Go's escapes. */
function unquoted(quoted: string): string {
  const quote = quoted[0]!;
  const bad = () => new Error(`unquote string ${quoted} error invalid syntax`);
  const body = quoted.slice(1, -1);
  return body.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|[\s\S]?)/g, (_, sequence: string) => {
    if (sequence.length > 1)
      return String.fromCodePoint(/^[xuU]/.test(sequence) ? Number.parseInt(sequence.slice(1), 16) : Number.parseInt(sequence, 8));
    if (sequence === quote) return quote;
    const meaning = ESCAPES[sequence];
    if (meaning === undefined) throw bad();
    return meaning;
  });
}

function arrayNode(text: string): PathNode {
  const match = SLICE.exec(text);
  if (!match) throw new Error(`invalid array index ${text}`);
  const number = (part: string): Bound => {
    if (!/^-?\d+$/.test(part)) throw new Error(`array index ${part} is not a number`);
    return { known: true, value: Number(part) };
  };
  const absent: Bound = { known: false, value: 0 };
  const first = match[1] ? number(match[1]) : absent;
  const rest = (part: string | undefined) => (part === undefined || part === ':' ? absent : number(part.slice(1)));
  const second = match[2] === undefined ? { known: true, value: first.value + 1, derived: true } : rest(match[2]);
  return { type: 'array', bounds: [first, second, rest(match[3])] };
}

/** Reads what stands inside one pair of braces. */
class ActionParser {
  readonly #text: string;
  at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  /** Stops behind the closing brace. */
  parse(): PathNode[] {
    const nodes: PathNode[] = [];
    for (;;) {
      const rest = this.#text.slice(this.at, this.at + 3);
      const c = rest[0] ?? '';
      if (c === '}') {
        this.at++;
        return nodes;
      }
      if (c === '' || isLineEnd(c)) throw new Error('unclosed action');
      if (rest === '[?(') nodes.push(this.#filter());
      else if (rest.startsWith('..')) this.#recursive(nodes);
      else if (c === ' ' || c === '@' || c === '$') this.at++;
      else if (c === '[') nodes.push(...this.#array());
      else if (c === '"' || c === "'") nodes.push({ type: 'text', text: this.#quoted(c) });
      else if (c === '.') {
        this.at++;
        nodes.push(this.#field());
      } else if (c === '+' || c === '-' || isDigit(c)) nodes.push(this.#number());
      else if (isWord(c)) nodes.push(this.#identifier());
      else {
        const code = c.codePointAt(0)!;
        throw new Error(`unrecognized character in action: U+${code.toString(16).toUpperCase().padStart(4, '0')} '${c}'`);
      }
    }
  }

  #recursive(nodes: PathNode[]): void {
    if (nodes.at(-1)?.type === 'recursive') throw new Error('invalid multiple recursive descent');
    this.at += 2;
    nodes.push({ type: 'recursive' });
    if (isWord(this.#text[this.at] ?? '')) nodes.push(this.#field());
  }

  #field(): PathNode {
    const start = this.at;
    while (!isTerminator(this.#text[this.at] ?? '')) this.at += this.#text[this.at] === '\\' ? 2 : 1;
    const name = this.#text.slice(start, this.at);
    return name === '*' ? { type: 'wildcard' } : { type: 'field', name: name.replaceAll('\\', '') };
  }

  #identifier(): PathNode {
    const start = this.at;
    while (!isTerminator(this.#text[this.at] ?? '')) this.at++;
    const name = this.#text.slice(start, this.at);
    return name === 'true' || name === 'false' ? { type: 'value', value: name === 'true' } : { type: 'identifier', name };
  }

  #number(): PathNode {
    const start = this.at++;
    while (/[.\d]/.test(this.#text[this.at] ?? '')) this.at++;
    const text = this.#text.slice(start, this.at);
    if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) throw new Error(`cannot parse number ${text}`);
    return { type: 'value', value: Number(text) };
  }

  #quoted(quote: string): string {
    const start = this.at++;
    for (; ; this.at++) {
      const c = this.#text[this.at] ?? '';
      if (c === '' || c === '\n') throw new Error('unterminated quoted string');
      if (c === quote && this.#text[this.at - 1] !== '\\') break;
    }
    this.at++;
    return unquoted(this.#text.slice(start, this.at));
  }

  #array(): PathNode[] {
    const end = this.#text.slice(this.at).search(/[\]\n]/);
    if (end < 0 || this.#text[this.at + end] === '\n') throw new Error('unterminated array');
    let text = this.#text.slice(this.at + 1, this.at + end);
    this.at += end + 1;
    if (text === '*') text = ':';
    const parts = text.split(',');
    if (parts.length > 1) {
      return [{ type: 'union', branches: parts.map((part) => parseAction(`[${part.replace(/^ +| +$/g, '')}]`)) }];
    }
    const key = QUOTED_KEY.exec(text);
    return key ? parseAction(`.${key[1]}`) : [arrayNode(text)];
  }

  #filter(): PathNode {
    this.at += 3;
    const start = this.at;
    let quote = '';
    let ended = false;
    for (; ; this.at++) {
      const c = this.#text[this.at] ?? '';
      if (c === '' || c === '\n') throw new Error('unterminated filter');
      if (c === '"' || c === "'") {
        if (quote === '') quote = c;
        else if (this.#text[this.at - 1] !== '\\' && c === quote) ended = true;
      } else if (c === ')' && (quote !== '') === ended) break;
    }
    const text = this.#text.slice(start, this.at);
    this.at++;
    if (this.#text[this.at] !== ']') throw new Error('unclosed array expect ]');
    this.at++;
    const match = COMPARISON.exec(text);
    if (!match) return { type: 'filter', left: parseAction(text), right: [], operator: 'exists' };
    return { type: 'filter', left: parseAction(match[1]!), right: parseAction(match[3]!), operator: match[2]! };
  }
}

const parseAction = (text: string): PathNode[] => new ActionParser(`${text}}`, 0).parse();

/** The actions and texts of a template. Throws an Error with upstream's sentence. */
export function parseTemplate(template: string): PathAction[] {
  const actions: PathAction[] = [];
  let at = 0;
  while (at < template.length) {
    const brace = template.indexOf('{', at);
    const end = brace < 0 ? template.length : brace;
    if (end > at) actions.push([{ type: 'text', text: template.slice(at, end) }]);
    if (brace < 0) break;
    const parser = new ActionParser(template, brace + 1);
    actions.push(parser.parse());
    at = parser.at;
  }
  return actions;
}
