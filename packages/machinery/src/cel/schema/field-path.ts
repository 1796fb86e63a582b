// A rule's fieldPath (apiextensions apiserver/schema/cel/validation.go ValidFieldPath).
import type { JsonSchema } from '../../schema/json-schema.ts';

const STEP = /\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/y;
const ESCAPED: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', "'": "'", '\\': '\\' };

/** `.spec.names['a']` as field errors write it; undefined: the schema has no such place. */
export function fieldPathOf(path: string, schema: JsonSchema): string | undefined {
  let at: JsonSchema | undefined = schema;
  let text = '';
  STEP.lastIndex = 0;
  let position = 0;
  while (position < path.length) {
    STEP.lastIndex = position;
    const found = STEP.exec(path);
    if (!found || !at) return undefined;
    position = STEP.lastIndex;
    const name = found[1] ?? found[2]!.replace(/\\(.)/g, (_, character) => ESCAPED[character] ?? '');
    if (at.properties) {
      at = Object.hasOwn(at.properties, name) ? at.properties[name] : undefined;
      if (!at) return undefined;
      text += text === '' ? name : `.${name}`;
    } else if (typeof at.additionalProperties === 'object') {
      at = at.additionalProperties;
      text += `[${name}]`;
    } else return undefined;
  }
  return text;
}
