// Regular expressions in RE2's syntax (apiserver pkg/cel/library/regex.go; cel-go "matches").
import { RE2JS } from 're2js';
import { type Declared, member } from '../functions.ts';
import { INT, listOf, STRING } from '../types.ts';
import { ArrayList, CelError, type CelList } from '../values.ts';

const PATTERNS_MAX = 1000;
const patterns = new Map<string, RE2JS>();

/** Compiles a pattern, or takes it from those compiled before. Throws when it is none. */
export function compilePattern(pattern: string): RE2JS {
  const known = patterns.get(pattern);
  if (known) return known;
  const compiled = RE2JS.compile(pattern);
  if (patterns.size >= PATTERNS_MAX) patterns.clear();
  patterns.set(pattern, compiled);
  return compiled;
}

/** What is wrong with a pattern, in Go's words; undefined: nothing. */
export function patternProblem(pattern: string): string | undefined {
  try {
    compilePattern(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export function matches(text: string, pattern: string): boolean {
  const problem = patternProblem(pattern);
  if (problem !== undefined) throw new CelError(problem);
  return compilePattern(pattern).matcher(text).find();
}

function findAll(text: string, pattern: string, limit: bigint): CelList {
  const problem = patternProblem(pattern);
  if (problem !== undefined) throw new CelError(`Illegal regex: ${problem}`);
  const matcher = compilePattern(pattern).matcher(text);
  const found: string[] = [];
  while ((limit < 0n || BigInt(found.length) < limit) && matcher.find()) found.push(matcher.group() ?? '');
  return new ArrayList(found);
}

export const REGEX: readonly Declared[] = [
  member('find', 'string_find_string', [STRING, STRING], STRING, (text: string, pattern: string) => {
    const found = findAll(text, pattern, 1n);
    return found.size > 0 ? found.at(0) : '';
  }),
  member('findAll', 'string_find_all_string', [STRING, STRING], listOf(STRING), (text: string, pattern: string) =>
    findAll(text, pattern, -1n),
  ),
  member('findAll', 'string_find_all_string_int', [STRING, STRING, INT], listOf(STRING), findAll),
];
