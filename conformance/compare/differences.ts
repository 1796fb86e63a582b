// What differs between two JSON documents, line by line, and which of the lines are accepted (accepted.txt).

/** A pattern over `document path`, in which `*` stands for any text, and why it is accepted. */
export interface Accepted {
  pattern: string;
  reason: string;
}

const show = (value: unknown): string => {
  const text = value === undefined ? 'absent' : JSON.stringify(value);
  return text.length > 160 ? `${text.slice(0, 157)}…` : text;
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `path: reference → own` for each place that differs. Lists are compared by position. */
export function differences(reference: unknown, own: unknown, path = ''): string[] {
  if (isObject(reference) && isObject(own)) {
    const keys = [...new Set([...Object.keys(reference), ...Object.keys(own)])].sort();
    return keys.flatMap((key) => differences(reference[key], own[key], `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`));
  }
  if (Array.isArray(reference) && Array.isArray(own)) {
    const length = Math.max(reference.length, own.length);
    return Array.from({ length }, (_, i) => differences(reference[i], own[i], `${path}/${i}`)).flat();
  }
  return JSON.stringify(reference) === JSON.stringify(own) ? [] : [`${path}: ${show(reference)} → ${show(own)}`];
}

/** A reason stands indented under its patterns; lines with # are comments. */
export function parseAccepted(text: string): Accepted[] {
  const accepted: Accepted[] = [];
  let patterns: string[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (!line.startsWith(' ')) {
      patterns.push(line.trim());
      continue;
    }
    for (const pattern of patterns) accepted.push({ pattern, reason: line.trim() });
    patterns = [];
  }
  if (patterns.length > 0) throw new Error(`accepted without a reason: ${patterns.join(', ')}`);
  return accepted;
}

const expressionOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
      .join('[\\s\\S]*')}$`,
  );

export interface Verdict {
  surprises: string[];
  acceptedCount: number;
  /** Entries that nothing matched: the list only shrinks. */
  unused: string[];
}

export function judgeDifferences(found: readonly string[], accepted: readonly Accepted[]): Verdict {
  const rules = accepted.map(({ pattern }) => ({ pattern, expression: expressionOf(pattern), used: false }));
  const surprises = found.filter((line) => {
    const rule = rules.find(({ expression }) => expression.test(line));
    if (rule) rule.used = true;
    return !rule;
  });
  return {
    surprises,
    acceptedCount: found.length - surprises.length,
    unused: rules.filter(({ used }) => !used).map(({ pattern }) => pattern),
  };
}

/** Lines of one document that are worth reading; all are judged and counted. */
export const SHOWN_PER_DOCUMENT_MAX = 500;

/** Lines `document path: …`, of each document the first, then how many more there are. */
export function linesToShow(lines: readonly string[]): string[] {
  const byDocument = Map.groupBy(lines, (line) => line.slice(0, line.indexOf(' ')));
  return Array.from(byDocument, ([document, all]) => {
    const more = all.length - SHOWN_PER_DOCUMENT_MAX;
    return [...all.slice(0, SHOWN_PER_DOCUMENT_MAX), ...(more > 0 ? [`${document}: ${more} more`] : [])];
  }).flat();
}
