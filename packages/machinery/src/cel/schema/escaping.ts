// Property names as expressions write them (apiserver pkg/cel/escaping.go).
import { RESERVED_WORDS } from '../reserved.ts';

const ESCAPES: Record<string, string> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };

/** The name to write for a property; undefined: expressions cannot name it. */
export function escapeName(name: string): string | undefined {
  if (!/^[a-zA-Z_./-]/.test(name)) return undefined;
  if (RESERVED_WORDS.has(name)) return `__${name}__`;
  if (!/^[a-zA-Z0-9_./-]*$/.test(name)) return undefined;
  return name.replace(/__|[-./]/g, (found) => ESCAPES[found]!);
}

const UNESCAPES: ReadonlyMap<string, string> = new Map(Object.entries(ESCAPES).map(([plain, written]) => [written, plain]));

/** The property that an expression's name stands for; undefined when it stands for none. */
export function unescapeName(written: string): string | undefined {
  let valid = true;
  const name = written.replace(/__[a-z]+__/g, (found) => {
    const word = found.slice(2, -2);
    if (RESERVED_WORDS.has(word) && found === written) return word;
    const plain = UNESCAPES.get(found);
    if (plain === undefined) valid = false;
    return plain ?? '';
  });
  return valid ? name : undefined;
}
