// Objects as JSON and YAML in the form that kubectl prints: keys sorted, lists not indented, Go's escapes and quotes
// (cli-runtime printers/json.go, yaml.go; go-yaml's emitter rules).
import { Document, isScalar, parse, Scalar, visit } from 'yaml';

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, inner]) => [key, sorted(inner)]));
}

// Go's encoder escapes what HTML gives a meaning to.
const escapedHtml = (text: string) =>
  text.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** On one line, as in the last-applied annotation. */
export const compactJson = (value: unknown): string => escapedHtml(JSON.stringify(sorted(value)));

export const jsonText = (value: unknown): string => `${escapedHtml(JSON.stringify(sorted(value), null, 4))}\n`;

/** Words that older YAML takes for booleans. */
const OLD_BOOLEAN = /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|true|True|TRUE|false|False|FALSE)$/;

/** Text that would be read as something else: a number, a date, nothing. */
function looksLikeAnother(text: string): boolean {
  if (text === '' || OLD_BOOLEAN.test(text) || /^\d{4}-\d\d-\d\d/.test(text)) return true;
  try {
    return typeof parse(text, { version: '1.1' }) !== 'string' && !/[:[{\n#&*!|>]/.test(text);
  } catch {
    return false;
  }
}

export function yamlText(value: unknown): string {
  const document = new Document(sorted(value), { version: '1.2', aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, node) => {
      if (!isScalar(node) || typeof node.value !== 'string') return;
      if (node.value.includes('\n')) node.type = Scalar.BLOCK_LITERAL;
      else if (looksLikeAnother(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ indentSeq: false, lineWidth: 0, singleQuote: true, nullStr: 'null' });
}

/** Without the bookkeeping of who set which field, unless asked for. */
export function withoutManagedFields<T extends { metadata?: object; items?: unknown[] }>(object: T): T {
  const copy: any = { ...object };
  if (copy.metadata && 'managedFields' in copy.metadata) {
    const { managedFields: _, ...metadata } = copy.metadata;
    copy.metadata = metadata;
  }
  if (Array.isArray(copy.items)) copy.items = copy.items.map(withoutManagedFields);
  return copy;
}
