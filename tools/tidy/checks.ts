// The rules themselves: each takes a file (or all of a package) and returns lines that say what is wrong and where.
import { posix } from 'node:path';
import { EDGES, FILE_LINES_MAX, FUNCTION_LINES_MAX, PROGRAM_PACKAGES, PURE_PACKAGES, TEST_EDGES } from './edges.ts';

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  path: string;
  packageName: string;
  isTest: boolean;
  text: string;
}

const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'|(?:^|\n)\s*import\s+'([^']+)'|import\('([^']+)'\)/g;

export function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => (match[1] ?? match[2] ?? match[3])!);
}

export function checkEdges(file: SourceFile): string[] {
  const allowed = new Set([...(EDGES[file.packageName] ?? []), ...(file.isTest ? (TEST_EDGES[file.packageName] ?? []) : [])]);
  const problems: string[] = [];
  for (const target of importsOf(file.text)) {
    const [, name, deep] = target.match(/^@tiphys\/([^/]+)(\/.*)?$/) ?? [];
    if (name && deep) problems.push(`${file.path}: imports ${target}; packages are entered through their exports`);
    if (name && !allowed.has(name)) problems.push(`${file.path}: ${file.packageName} may not import ${name}`);
    if (target.startsWith('.')) {
      const resolved = posix.join(posix.dirname(file.path), target);
      if (!resolved.startsWith(`packages/${file.packageName}/`)) problems.push(`${file.path}: ${target} leaves the package`);
    }
  }
  return problems;
}

/** A function's first line ends in `{` and names itself; its end is the first closing brace at the same indentation. */
const FUNCTION_START =
  /^(\s*)(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:function\b|(?:const|let)\s+[\w$]+\s*(?::[^=]+)?=\s*(?:async\s*)?(?:\([^)]*\)|[\w$]+)\s*(?::[^=]+)?=>\s*\{|(?:(?:private|static|async|get|set|override|\*)\s+)*[\w$#]+\s*(?:<[^>]*>)?\([^)]*\)\s*(?::[^{]+)?\{\s*$)/;
const NOT_FUNCTIONS = /^\s*(?:if|for|while|switch|catch|else|return|do)\b/;

export function checkSizes(file: SourceFile): string[] {
  const lines = file.text.split('\n');
  const problems: string[] = [];
  if (lines.length > FILE_LINES_MAX) problems.push(`${file.path}: ${lines.length} lines; at most ${FILE_LINES_MAX}`);
  if (file.isTest) return problems;
  lines.forEach((line, start) => {
    const match = FUNCTION_START.exec(line);
    if (!match || NOT_FUNCTIONS.test(line)) return;
    const end = lines.findIndex(
      (later, index) => index > start && (later.startsWith(`${match[1]}}`) || (later.trim() !== '' && !later.startsWith(match[1]!))),
    );
    const length = end - start + 1;
    if (end > 0 && length > FUNCTION_LINES_MAX)
      problems.push(`${file.path}:${start + 1}: a function of ${length} lines; at most ${FUNCTION_LINES_MAX}`);
  });
  return problems;
}

const BANNED: { pattern: RegExp; instead: string; pureOnly: boolean; notPrograms?: boolean }[] = [
  { pattern: /\bDate\.now\(\)|\bnew Date\(\)|\bperformance\.now\(\)/, instead: 'the Clock', pureOnly: false },
  { pattern: /\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/, instead: 'Random', pureOnly: false },
  { pattern: /(?<![.\w])set(?:Timeout|Interval)\(/, instead: 'Clock.after', pureOnly: false, notPrograms: true },
  {
    pattern: /from 'node:(?:fs|fs\/promises|child_process|net|dgram|http|https|http2|tls|os|dns)'/,
    instead: 'what runtime hands in',
    pureOnly: true,
  },
  { pattern: /\bTODO\b|\bFIXME\b|\bXXX\b/, instead: 'an issue', pureOnly: false },
];

export function checkBans(file: SourceFile): string[] {
  if (file.packageName === 'runtime' || file.isTest) return [];
  const pure = PURE_PACKAGES.includes(file.packageName);
  const problems: string[] = [];
  file.text.split('\n').forEach((line, index) => {
    for (const ban of BANNED) {
      if (ban.notPrograms && PROGRAM_PACKAGES.includes(file.packageName)) continue;
      if (ban.pureOnly && !(pure && !/\/(?:transport|kubeconfig)[/.-]/.test(file.path))) continue;
      if (ban.pattern.test(line) && !/^\s*(?:\/\/|\*)/.test(line))
        problems.push(`${file.path}:${index + 1}: use ${ban.instead} instead of ${line.match(ban.pattern)?.[0]}`);
    }
  });
  return problems;
}

/** Files that nothing reaches from the package's entry points. */
export function checkReachable(files: readonly SourceFile[], packageName: string): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const entry = (name: string) => `packages/${packageName}/src/${name}`;
  const queue = [entry('index.ts'), entry('main.ts'), entry('library.ts'), ...files.filter((file) => file.isTest).map((file) => file.path)];
  const seen = new Set<string>();
  for (let path = queue.pop(); path; path = queue.pop()) {
    const file = byPath.get(path);
    if (seen.has(path) || !file) continue;
    seen.add(path);
    for (const target of importsOf(file.text)) if (target.startsWith('.')) queue.push(posix.join(posix.dirname(path), target));
    for (const match of file.text.matchAll(/new URL\('(\.[^']+)'/g)) queue.push(posix.join(posix.dirname(path), match[1]!));
  }
  return files.filter((file) => !seen.has(file.path)).map((file) => `${file.path}: nothing imports it`);
}

/** package.json's @tiphys dependencies are the table's row. */
export function checkManifest(packageName: string, manifest: { dependencies?: Record<string, string> }): string[] {
  const declared = Object.keys(manifest.dependencies ?? {}).filter((name) => name.startsWith('@tiphys/'));
  const wanted = EDGES[packageName]!.map((name) => `@tiphys/${name}`);
  return [
    ...declared
      .filter((name) => !wanted.includes(name))
      .map((name) => `packages/${packageName}/package.json: ${name} is not an allowed edge`),
    ...wanted.filter((name) => !declared.includes(name)).map((name) => `packages/${packageName}/package.json: ${name} is missing`),
  ];
}
