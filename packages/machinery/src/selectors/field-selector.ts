// Field selectors: `metadata.name=web,status.phase!=Running` with `\,`, `\=` and `\\` escaped (apimachinery fields/selector.go).
import { statusError } from '../status-error.ts';

export interface FieldTerm {
  field: string;
  operator: '=' | '!=';
  value: string;
}

export interface FieldSelector {
  readonly terms: readonly FieldTerm[];
  readonly empty: boolean;
  /** A field that is absent counts as the empty string. */
  matches(fields: Readonly<Record<string, string | undefined>>): boolean;
  /** The value a field must have, when the selector demands exactly one. */
  exactValue(field: string): string | undefined;
  toString(): string;
}

function selectorOf(terms: readonly FieldTerm[]): FieldSelector {
  return {
    terms,
    empty: terms.every((term) => term.operator === '=' && term.field === '' && term.value === ''),
    matches: (fields) => terms.every(({ field, operator, value }) => ((fields[field] ?? '') === value) === (operator === '=')),
    exactValue: (field) => terms.find((term) => term.operator === '=' && term.field === field)?.value,
    toString: () => terms.map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`).join(','),
  };
}

export const everyField: FieldSelector = selectorOf([]);

/** Makes any text usable as a value in a field selector string. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, (character) => `\\${character}`);
}

function unescaped(text: string): string {
  let result = '';
  let slash = false;
  for (const character of text) {
    if (slash) {
      if (!'\\,='.includes(character)) {
        throw statusError.badRequest(`invalid field selector: invalid escape sequence: \\${character}`);
      }
      result += character;
      slash = false;
    } else if (character === '\\') {
      slash = true;
    } else if (character === ',' || character === '=') {
      // Upstream prints the character's code point.
      throw statusError.badRequest(`invalid field selector: unescaped character in value: ${character.codePointAt(0)}`);
    } else {
      result += character;
    }
  }
  if (slash) throw statusError.badRequest('invalid field selector: invalid escape sequence: \\');
  return result;
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  let slash = false;
  for (let i = 0; i < text.length; i++) {
    if (slash) slash = false;
    else if (text[i] === '\\') slash = true;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms.sort();
}

/** Reads a field selector string. Throws a BadRequest with upstream's sentence. */
export function parseFieldSelector(text: string): FieldSelector {
  if (text === '') return everyField;
  const terms: FieldTerm[] = [];
  for (const part of splitTerms(text)) {
    if (part === '') continue;
    const operator = /!=|==|=/.exec(part);
    if (!operator) throw statusError.badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    terms.push({
      field: part.slice(0, operator.index),
      operator: operator[0] === '!=' ? '!=' : '=',
      value: unescaped(part.slice(operator.index + operator[0].length)),
    });
  }
  return selectorOf(terms);
}
