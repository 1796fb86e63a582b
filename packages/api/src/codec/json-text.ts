// A JSON reader that keeps duplicate keys and complains as Go's does. Used only once the fast path has found something
// wrong: JSON.parse forgets duplicates, and its messages aren't upstream's.
import { DecodeError } from './decode-error.ts';

/** Entries in the order of the text, duplicates included. */
export class JsonObject {
  readonly entries: [string, JsonValue][] = [];
}
export type JsonValue = JsonObject | JsonValue[] | string | number | boolean | null;

const DEPTH_MAX = 10_000;

function shown(character: string | undefined): string {
  if (character === "'") return "'\\''";
  if (character === '"') return `'"'`;
  const code = character!.codePointAt(0)!;
  if (code < 0x20) return { 9: "'\\t'", 10: "'\\n'", 13: "'\\r'" }[code] ?? `'\\x${code.toString(16).padStart(2, '0')}'`;
  return `'${character}'`;
}

class Reader {
  readonly text: string;
  position = 0;

  constructor(text: string) {
    this.text = text;
  }

  fail(context: string): never {
    const character = this.text[this.position];
    if (character === undefined) throw new DecodeError('unexpected end of JSON input');
    throw new DecodeError(`invalid character ${shown(character)} ${context}`);
  }

  space(): void {
    while (' \t\n\r'.includes(this.text[this.position] ?? 'x')) this.position++;
  }

  value(depth: number): JsonValue {
    if (depth > DEPTH_MAX) throw new DecodeError('exceeded max depth');
    this.space();
    const character = this.text[this.position];
    if (character === '{') return this.object(depth);
    if (character === '[') return this.array(depth);
    if (character === '"') return this.string();
    if (character === 't') return this.literal('true', true);
    if (character === 'f') return this.literal('false', false);
    if (character === 'n') return this.literal('null', null);
    if (character !== undefined && /[-0-9]/.test(character)) return this.number();
    return this.fail('looking for beginning of value');
  }

  literal<T>(word: string, value: T): T {
    for (let i = 1; i < word.length; i++) {
      this.position++;
      if (this.text[this.position] !== word[i]) this.fail(`in literal ${word} (expecting ${shown(word[i])})`);
    }
    this.position++;
    return value;
  }

  number(): number {
    const match = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
    match.lastIndex = this.position;
    const found = match.exec(this.text);
    if (!found) {
      this.position++;
      return this.fail('in numeric literal');
    }
    this.position += found[0].length;
    return Number(found[0]);
  }

  string(): string {
    const start = this.position++;
    for (;;) {
      const character = this.text[this.position];
      if (character === undefined) return this.fail('');
      if (character === '"') break;
      if (character.charCodeAt(0) < 0x20) return this.fail('in string literal');
      if (character === '\\') this.escape();
      else this.position++;
    }
    this.position++;
    return JSON.parse(this.text.slice(start, this.position));
  }

  escape(): void {
    this.position++;
    const character = this.text[this.position];
    if (character === 'u') {
      for (let i = 0; i < 4; i++) {
        this.position++;
        if (!/[0-9a-fA-F]/.test(this.text[this.position] ?? '')) this.fail('in \\u hexadecimal character escape');
      }
    } else if (character === undefined || !'"\\/bfnrt'.includes(character)) this.fail('in string escape code');
    this.position++;
  }

  array(depth: number): JsonValue[] {
    const out: JsonValue[] = [];
    this.position++;
    this.space();
    if (this.text[this.position] === ']') {
      this.position++;
      return out;
    }
    for (;;) {
      out.push(this.value(depth + 1));
      this.space();
      const character = this.text[this.position];
      if (character !== ',' && character !== ']') this.fail('after array element');
      this.position++;
      if (character === ']') return out;
    }
  }

  object(depth: number): JsonObject {
    const out = new JsonObject();
    this.position++;
    this.space();
    if (this.text[this.position] === '}') {
      this.position++;
      return out;
    }
    for (;;) {
      this.space();
      if (this.text[this.position] !== '"') {
        this.fail(out.entries.length ? 'looking for beginning of object key string' : 'looking for beginning of object key string');
      }
      const key = this.string();
      this.space();
      if (this.text[this.position] !== ':') this.fail('after object key');
      this.position++;
      out.entries.push([key, this.value(depth + 1)]);
      this.space();
      const character = this.text[this.position];
      if (character !== ',' && character !== '}') this.fail('after object key:value pair');
      this.position++;
      if (character === '}') return out;
    }
  }
}

/** Throws DecodeError with Go's message. */
export function readJson(text: string): JsonValue {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.space();
  if (reader.position < text.length) reader.fail('after top-level value');
  return value;
}

/** Colons outside of strings: as many as the text has keys, duplicates included. */
export function countColons(text: string): number {
  let count = 0;
  let position = 0;
  const length = text.length;
  while (position < length) {
    const code = text.charCodeAt(position);
    if (code === 0x3a) count++;
    else if (code === 0x22) position = endOfString(text, position);
    position++;
  }
  return count;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && text.charCodeAt(end - 1) === 0x5c) {
    let slashes = 1;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return end < 0 ? text.length : end;
}
