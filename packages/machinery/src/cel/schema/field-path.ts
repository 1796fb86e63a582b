// A path into a schema: a rule's fieldPath and a definition's selectable fields (apiextensions apiserver/schema/cel/validation.go
// ValidFieldPath).
import type { JsonSchema } from '../../schema/json-schema.ts';

const TOKEN = /'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]]+/g;
const ESCAPED: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', "'": "'", '\\': '\\' };
const ENDED = 'unexpected end of JSON path';
const NO_FIELD = 'does not refer to a valid field';

export interface FieldPath {
  /** As field errors write it. */
  text: string;
  /** The first field. */
  root: string;
  /** Absent where anything may be. */
  schema: JsonSchema | undefined;
}

class PathFault extends Error {}

function unquoted(token: string): string {
  const isQuoted = token.length >= 2 && token.startsWith("'") && token.endsWith("'");
  if (!isQuoted) throw new PathFault(`expected single quoted string but got ${token}`);
  return token.slice(1, -1).replace(/\\(.)/g, (_, character) => ESCAPED[character] ?? '');
}

function step(at: FieldPath, name: string): FieldPath {
  const { schema, text, root } = at;
  if (!schema) throw new PathFault(NO_FIELD);
  if (schema.properties && Object.keys(schema.properties).length > 0) {
    if (!Object.hasOwn(schema.properties, name)) throw new PathFault(NO_FIELD);
    return { schema: schema.properties[name]!, text: text === '' ? name : `${text}.${name}`, root: root || name };
  }
  const { additionalProperties: additional } = schema;
  if (additional === undefined || additional === null) throw new PathFault(NO_FIELD);
  return { schema: typeof additional === 'object' ? additional : undefined, text: `${text}[${name}]`, root };
}

function read(path: string, schema: JsonSchema, allowsArrays: boolean): FieldPath {
  const tokens = path.match(TOKEN) ?? [];
  let at: FieldPath = { schema, text: '', root: '' };
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token !== '.' && token !== '[') throw new PathFault(`expected [ or . but got: ${token}`);
    if (token === '[' && !allowsArrays) throw new PathFault('array notation is not allowed');
    const next = tokens[++i];
    if (next === undefined) throw new PathFault(ENDED);
    at = step(at, token === '[' ? unquoted(next) : next);
    if (token === '.') continue;
    const closing = tokens[++i];
    if (closing === undefined) throw new PathFault(ENDED);
    if (closing !== ']') throw new PathFault(`expected ] but got ${closing}`);
  }
  return at;
}

/** Where a path leads, or what is wrong with it. */
export function readFieldPath(path: string, schema: JsonSchema, allowsArrays: boolean): FieldPath | string {
  try {
    return read(path, schema, allowsArrays);
  } catch (error) {
    if (error instanceof PathFault) return error.message;
    throw error;
  }
}

/** `.spec.names['a']` as field errors write it; undefined: the schema has no such place. */
export function fieldPathOf(path: string, schema: JsonSchema): string | undefined {
  const found = readFieldPath(path, schema, true);
  return typeof found === 'string' ? undefined : found.text;
}
