// The difference of two specs as a message shows it: upstream prints a line for each changed leaf, old and new.

const LINES_MAX = 20;

/** Lines `-path: old` and `+path: new`. */
export function specDifference(before: unknown, after: unknown): string {
  const lines: string[] = [];
  compare(lines, '', before, after);
  const shown = lines.slice(0, LINES_MAX);
  return lines.length > LINES_MAX ? [...shown, '…'].join('\n') : shown.join('\n');
}

function compare(lines: string[], path: string, before: unknown, after: unknown): void {
  if (before === after) return;
  if (typeof before === 'object' && typeof after === 'object' && before && after) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const at = Array.isArray(after) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
      compare(lines, at, (before as Record<string, unknown>)[key], (after as Record<string, unknown>)[key]);
    }
    return;
  }
  if (before !== undefined) lines.push(`- ${path}: ${JSON.stringify(before)}`);
  if (after !== undefined) lines.push(`+ ${path}: ${JSON.stringify(after)}`);
}
