// Puts differences with one cause together, so that the frequent ones can be seen to first.
import type { Found } from './run.ts';
import { stepText } from './step.ts';

export interface Cluster {
  kind: string;
  signature: string;
  count: number;
  example: Found;
}

const LINE_CHARACTERS_MAX = 700;

/** The line without what changes from case to case. */
function signature(line: string): string {
  return line
    .replace(/\\"[^"\\]*\\"/g, '…')
    .replace(/e\d+/g, 'NAME')
    .replace(/\[\d+\]|\/\d+/g, '[]')
    .replace(/-?\d+(\.\d+)?/g, 'N')
    .slice(0, 200);
}

export function clustersOf(found: readonly Found[]): Cluster[] {
  const clusters = new Map<string, Cluster>();
  for (const each of found) {
    const kind = `${each.kind.group}/${each.kind.version} ${each.kind.resource}`;
    const cause = each.lines.find((line) => line.startsWith('/body/details/causes') || line.startsWith('/body/message')) ?? each.lines[0]!;
    const key = `${kind} ${signature(cause)}`;
    const known = clusters.get(key);
    if (known) known.count++;
    else clusters.set(key, { kind, signature: signature(cause), count: 1, example: each });
  }
  return [...clusters.values()].sort((a, b) => b.count - a.count);
}

/** On one line, as it is found. */
export const briefText = ({ episode, kind, lines }: Pick<Found, 'episode' | 'kind' | 'lines'>): string =>
  `  ! ${kind.group}/${kind.version} ${kind.resource}, episode ${episode}: ${lines[0]!.slice(0, LINE_CHARACTERS_MAX)}`;

export function foundText({ episode, kind, steps, lines }: Pick<Found, 'episode' | 'kind' | 'steps' | 'lines'>): string {
  const told = steps.map((step) => `    ${stepText(step)}`);
  return [
    `  ${kind.group}/${kind.version} ${kind.resource}, episode ${episode}:`,
    ...told,
    ...lines.slice(0, 8).map((line) => `  ! ${line.slice(0, LINE_CHARACTERS_MAX)}`),
  ].join('\n');
}
