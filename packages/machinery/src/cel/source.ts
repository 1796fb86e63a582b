// Places in an expression's text and errors that point at them (cel-go common/{source,error,errors}.go).

export interface Issue {
  offset: number;
  message: string;
}

const ERRORS_SHOWN_MAX = 100;

function locate(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: [...before.at(-1)!].length };
}

const isWide = (character: string | undefined) => character !== undefined && character.charCodeAt(0) > 127;

/** Dots and a caret, wide ones below characters that are more than a byte. */
const pointer = (source: readonly string[], column: number): string =>
  `${source
    .slice(0, column)
    .map((character) => (isWide(character) ? '．' : '.'))
    .join('')}${isWide(source[column]) ? '＾' : '^'}`;

/** All issues as upstream prints them, in the order of their places. */
export function issuesText(text: string, issues: readonly Issue[]): string {
  // Nothing has no place to point at.
  if (text === '') return issues.map(({ message }) => `ERROR: <input>:1:0: ${message}`).join('\n');
  const sorted = issues.map((issue, i) => ({ ...issue, i })).sort((a, b) => a.offset - b.offset || a.i - b.i);
  const lines = text.split('\n');
  const shown = sorted.slice(0, ERRORS_SHOWN_MAX).map(({ offset, message }) => {
    const { line, column } = locate(text, offset);
    const source = (lines[line - 1] ?? '').replaceAll('\t', ' ');
    return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${source}\n | ${pointer([...source], column)}`;
  });
  if (sorted.length > ERRORS_SHOWN_MAX) shown.push(`${sorted.length - ERRORS_SHOWN_MAX} more errors were truncated`);
  return shown.join('\n');
}

/** The expression cannot be compiled; the message is upstream's. */
export class CompilationError extends Error {
  readonly issues: readonly Issue[];
  constructor(text: string, issues: readonly Issue[]) {
    super(issuesText(text, issues));
    this.issues = issues;
  }
}
