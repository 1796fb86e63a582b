// What ran and how it went, pure: junit files to outcomes, outcomes against the list of known failures, both committed files as text.

export interface Outcome {
  passed: boolean;
  /** First line of the failure. */
  message: string;
  /** Which commit was tested, as `git rev-parse --short` names it. */
  commit?: string;
  /** Passed only when it was run again, alone. */
  again?: boolean;
}

export type Outcomes = ReadonlyMap<string, Outcome>;

const unescaped = (text: string) =>
  text.replace(/&(lt|gt|amp|quot|apos|#(\d+)|#x([0-9a-fA-F]+));/g, (_, name: string, decimal?: string, hex?: string) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }[name]!;
  });

/** Ended from outside, by Ctrl-C or the time limit of the whole run: that says nothing of the test. */
const wasCutShort = (status: string, body: string) =>
  status === 'interrupted' || status === 'aborted' || (status === 'timedout' && /A suite timeout occurred/.test(body));

/** Test name → outcome; what was skipped, cut short or is set-up of the suite is left out. */
export function parseJunit(xml: string): Map<string, Outcome> {
  const outcomes = new Map<string, Outcome>();
  for (const match of xml.matchAll(/<testcase\s+name="([^"]*)"([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const name = unescaped(match[1]!);
    const body = match[3] ?? '';
    const status = match[2]!.match(/status="([^"]*)"/)?.[1] ?? '';
    if (!name.startsWith('[It] ') || status === 'skipped' || body.includes('<skipped') || wasCutShort(status, body)) continue;
    const failure = body.match(/<(?:failure|error)(?:\s[^>]*?message="([^"]*)")?[^>]*>([^<]*)/);
    const said = failure ? unescaped(failure[1] || failure[2]!).split('\n') : [];
    const message = said.find((line) => line.trim() !== '')?.replace(/^\[FAILED\] /, '') ?? '';
    outcomes.set(name.slice('[It] '.length), { passed: failure === null, message });
  }
  return outcomes;
}

/** What `e2e.test --ginkgo.dry-run --ginkgo.json-report` chose to run: the names as junit files have them. */
export function parseDryRun(json: string): string[] {
  type Spec = { LeafNodeType: string; State: string; ContainerHierarchyTexts: string[] | null; LeafNodeText: string };
  const suites = JSON.parse(json) as { SpecReports: Spec[] | null }[];
  return suites
    .flatMap((suite) => suite.SpecReports ?? [])
    .filter((spec) => spec.LeafNodeType === 'It' && spec.State !== 'skipped')
    .map((spec) => [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' '));
}

/** Upstream's mark of tests that need the cluster to themselves. */
export const runsAlone = (name: string): boolean => /\[(Serial|Disruptive)\]/.test(name);

/** How many names go into one pattern: an argument of a program can't be longer than 128 KiB. */
const NAMES_PER_PATTERN_MAX = 100;

/** Regular expressions in Go's syntax that match these tests and no others. */
export function patternsOf(names: readonly string[]): string[] {
  const exact = names.map((name) => `${name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`);
  const patterns: string[] = [];
  for (let start = 0; start < exact.length; start += NAMES_PER_PATTERN_MAX)
    patterns.push(exact.slice(start, start + NAMES_PER_PATTERN_MAX).join('|'));
  return patterns;
}

/** Later runs first looked at win. A failure that passes when run again in the same run is a pass that says so. */
export function mergeRuns(runs: readonly { commit: string; again: boolean; outcomes: Outcomes }[]): Map<string, Outcome> {
  const merged = new Map<string, Outcome>();
  for (const { commit, again, outcomes } of runs)
    for (const [name, outcome] of outcomes) merged.set(name, { ...outcome, commit, ...(again && outcome.passed ? { again } : {}) });
  return merged;
}

const UNEXAMINED = 'Not examined yet; the test says: ';

/** Lines `name` followed by an indented cause; `#` begins a comment. */
export function parseKnownFailing(text: string): Map<string, string> {
  const listed = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || line.trim() === '') continue;
    if (/^\s/.test(line) && name) listed.set(name, line.trim());
    else {
      name = line.trim();
      listed.set(name, '');
    }
  }
  return listed;
}

/** The list after a run: what passed leaves it, what failed comes with the test's own words until somebody finds the cause. */
export function knownFailingPage(results: Outcomes, listed: ReadonlyMap<string, string>): string {
  const names = new Set([...listed.keys()].filter((name) => !results.get(name)?.passed));
  for (const [name, outcome] of results) if (!outcome.passed) names.add(name);
  const entries = [...names]
    .sort()
    .map((name) => `${name}\n    ${listed.get(name) || `${UNEXAMINED}${results.get(name)?.message ?? ''}`}\n`);
  return `# Conformance tests that do not pass: the name as upstream prints it, then the cause, indented. This list only shrinks.\n${entries.join('')}`;
}

export function judge(results: Outcomes, listed: ReadonlyMap<string, string>) {
  const names = [...results.keys()].sort();
  const passed = names.filter((name) => results.get(name)!.passed);
  const failed = names.filter((name) => !results.get(name)!.passed);
  const surprises = [
    ...failed.filter((name) => !listed.has(name)).map((name) => `FAILED, not listed: ${name}\n    ${results.get(name)!.message}`),
    ...passed.filter((name) => listed.has(name)).map((name) => `PASSED, but listed: ${name}`),
    ...[...listed].filter(([, cause]) => cause === '' || cause.startsWith(UNEXAMINED)).map(([name]) => `LISTED without a cause: ${name}`),
  ];
  return { passed, failed, surprises };
}

export const areaOf = (name: string): string => name.match(/^\[(sig-[a-z-]+)\]/)?.[1] ?? 'other';

/** Which commits the outcomes are from, most tests first. */
function commitsOf(results: Outcomes): string {
  const counts = Map.groupBy(results.values(), (outcome) => outcome.commit ?? 'unknown');
  const sorted = [...counts].sort((a, b) => b[1].length - a[1].length);
  if (sorted.length === 1) return `Commit ${sorted[0]![0]}`;
  return `Commits ${sorted.map(([commit, outcomes]) => `${commit} (${outcomes.length} tests)`).join(', ')}`;
}

export interface PageFacts {
  /** A sentence on what the tests ran against. */
  setup: string;
  /** How to run them again. */
  command: string;
  date: string;
  /** Of other setups' pages, relative to this one. */
  others?: readonly string[];
}

/** `all` are the names of every conformance test, so that a test nobody ran is counted too. */
export function resultsPage(all: readonly string[], results: Outcomes, { setup, command, date, others = [] }: PageFacts): string {
  const row = (area: string, names: readonly string[]) => {
    const outcomes = names.flatMap((name) => results.get(name) ?? []);
    const passed = outcomes.filter((outcome) => outcome.passed).length;
    return `| ${area} | ${passed} | ${outcomes.length - passed} | ${names.length - outcomes.length} | ${names.length} |`;
  };
  const areas = [...Map.groupBy(all, areaOf)]
    .filter(([, names]) => names.some((name) => results.has(name)))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const shown = areas.flatMap(([, names]) => names);
  const focus = shown.length < all.length ? ` --focus '\\[(${areas.map(([area]) => area).join('|')})\\]'` : '';
  const again = shown.filter((name) => results.get(name)?.again).sort();
  const failed = shown.filter((name) => results.get(name)?.passed === false).sort();
  const missing = shown.filter((name) => !results.has(name)).sort();
  const list = (title: string, names: readonly string[]) =>
    names.length > 0 ? `\n${title}\n\n${names.map((name) => `- ${name}`).join('\n')}\n` : '';
  const failures = failed.map((name) => `${name}: ${results.get(name)!.message}`);
  return `# Conformance results

Upstream's own tests of Kubernetes v1.36.3 (\`[Conformance]\`), run by

    ${command}${focus}

against ${setup}.

The images are stand-ins made by \`images.py\` under upstream's names (busybox, agnhost, nginx, pause and others from Debian's packages and
upstream's Go modules; where a test looks for Alpine's name, /etc/os-release says what it stands in for),
so this is a measurement and not a certification.

${commitsOf(results)}, ${date}.

| area | passed | failed | not run | all |
|---|---|---|---|---|
${areas.map(([area, names]) => row(area, names)).join('\n')}
${row('all', shown)}
${shown.length < all.length ? '\nOther areas were not run.\n' : '\nWhat fails, and why, is in known-failing.txt.\n'}${list('Failed:', failures)}${list('Failed beside other tests and passed when run again alone:', again)}${list('Not run:', missing)}${list('Other clusters:', others)}`;
}
