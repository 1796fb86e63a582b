// Files that environment variables come from (pkg/kubelet/util/env/env_util.go, KEP-3721): `NAME='value'` a line, where a value may go
// on over several lines. Pure.

const invalid = (line: number, why: string) => new Error(`invalid environment variable format at line ${line}: ${why}`);

interface Assignment {
  name: string;
  value: string;
  /** The line after it. */
  next: number;
}

const BLANK = /^[ \t]*/;

/** A quoted value from its opening quote on. */
function quoted(lines: readonly string[], at: number, text: string): { value: string; next: number } {
  const parts: string[] = [];
  let rest = text.slice(1);
  for (let line = at; ; ) {
    const end = rest.indexOf("'");
    if (end >= 0) {
      const after = rest.slice(end + 1).replace(BLANK, '');
      if (after !== '' && !after.startsWith('#')) throw invalid(line + 1, 'unexpected content after closing quote');
      return { value: [...parts, rest.slice(0, end)].join('\n'), next: line + 1 };
    }
    parts.push(rest);
    line++;
    if (line >= lines.length) throw new Error(`invalid environment variable format starting at line ${at + 1}: unclosed single quote`);
    rest = lines[line]!;
  }
}

function assignment(lines: readonly string[], at: number, line: string): Assignment {
  const equals = line.indexOf('=');
  if (equals < 0) throw invalid(at + 1, "missing '='");
  const name = line.slice(0, equals);
  if (name.trimEnd() === '') throw invalid(at + 1, 'empty variable name');
  if (/[ \t]$/.test(name)) throw invalid(at + 1, "whitespace before '=' is not allowed");
  const text = line.slice(equals + 1);
  // As a shell has it: a space after the sign leaves the variable empty.
  if (/^[ \t]/.test(text)) return { name, value: '', next: at + 1 };
  if (!text.startsWith("'")) throw invalid(at + 1, 'value must be enclosed in single quotes');
  return { name, ...quoted(lines, at, text) };
}

/** The first value of the name; empty when there is none. What comes after it is not looked at. */
export function valueInFile(text: string, name: string): string {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!.replace(BLANK, '');
    if (line === '' || line.startsWith('#')) {
      at++;
      continue;
    }
    const found = assignment(lines, at, line);
    if (found.name === name) return found.value;
    at = found.next;
  }
  return '';
}
