// What ran and how it went, pure: junit files to outcomes, outcomes against the list of known failures, a page of counts.

export interface Outcome {
  passed: boolean;
  /** First line of the failure. */
  message: string;
}

const unescaped = (text: string) =>
  text.replace(/&(lt|gt|amp|quot|apos|#(\d+)|#x([0-9a-fA-F]+));/g, (_, name: string, decimal?: string, hex?: string) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }[name]!;
  });

/** Test name → outcome; skipped tests and suite set-up are left out. */
export function parseJunit(xml: string): Map<string, Outcome> {
  const outcomes = new Map<string, Outcome>();
  for (const match of xml.matchAll(/<testcase\s+name="([^"]*)"([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const name = unescaped(match[1]!);
    const body = match[3] ?? '';
    if (!name.startsWith('[It] ') || /status="skipped"/.test(match[2]!) || body.includes('<skipped')) continue;
    const failure = body.match(/<(?:failure|error)\s[^>]*?message="([^"]*)"/);
    const failed = failure !== null || /<(?:failure|error)[\s>]/.test(body);
    outcomes.set(name.slice('[It] '.length), { passed: !failed, message: failure ? unescaped(failure[1]!).split('\n')[0]! : '' });
  }
  return outcomes;
}

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

export function judge(results: ReadonlyMap<string, Outcome>, listed: ReadonlyMap<string, string>) {
  const names = [...results.keys()].sort();
  const passed = names.filter((name) => results.get(name)!.passed);
  const failed = names.filter((name) => !results.get(name)!.passed);
  const surprises = [
    ...failed.filter((name) => !listed.has(name)).map((name) => `FAILED, not listed: ${name}\n    ${results.get(name)!.message}`),
    ...passed.filter((name) => listed.has(name)).map((name) => `PASSED, but listed: ${name}`),
    ...[...listed].filter(([, cause]) => cause === '').map(([name]) => `LISTED without a cause: ${name}`),
  ];
  return { passed, failed, surprises };
}

export const areaOf = (name: string): string => name.match(/^\[(sig-[a-z-]+)\]/)?.[1] ?? 'other';

export function resultsPage(results: ReadonlyMap<string, Outcome>, commit: string, date: string): string {
  const areas = Map.groupBy([...results], ([name]) => areaOf(name));
  const rows = [...areas]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([area, tests]) => {
      const passed = tests.filter(([, outcome]) => outcome.passed).length;
      return `| ${area} | ${passed} | ${tests.length - passed} | ${tests.length} |`;
    });
  const passed = [...results.values()].filter((outcome) => outcome.passed).length;
  return `# Conformance results

Upstream's own tests of Kubernetes v1.36.3 (\`[Conformance]\`), run by \`npm run conformance -- --update\` against one node with real
containers. Their images are stand-ins made by \`images.py\` under upstream's names (busybox, agnhost, nginx, pause and others
from Debian's packages and upstream's Go modules), so this is a measurement and not a certification.

Commit ${commit}, ${date}.

| area | passed | failed | run |
|---|---|---|---|
${rows.join('\n')}
| all | ${passed} | ${results.size - passed} | ${results.size} |

What fails, and why, is in known-failing.txt.
`;
}
