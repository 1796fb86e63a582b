// `explain-scheduling`: the scheduler's decision for one pod, node by node. Nothing is changed.
import { type Explanation, explainScheduling, type NodeVerdict } from '@tiphys/scheduler';
import { CommandError, type Terminal } from '../terminal.ts';
import { type ConnectionFlags, inSession } from './session.ts';
import { jsonText } from './text.ts';

export interface ExplainSchedulingFlags extends ConnectionFlags {
  output?: string;
}

const GAP = '   ';

function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join(GAP);
  return rows.map((row) => `${line(row)}\n`).join('');
}

function verdictRow({ nodeName, refusals, scores, total }: NodeVerdict, wide: boolean): string[] {
  const fits = refusals.length === 0;
  const why = refusals.map(({ plugin, reasons }) => `${plugin}: ${reasons.join(', ')}`).join('; ');
  const parts = Object.entries(scores).map(([plugin, score]) => `${plugin}=${score}`);
  return [nodeName, fits ? 'yes' : 'no', fits ? String(total) : '', fits ? (wide ? parts.join(' ') : '') : why];
}

export function explanationText({ nodeName, everywhere, nodes }: Explanation, pod: string, wide: boolean): string {
  const head = [
    ...(nodeName ? [`pod/${pod} is on ${nodeName}; this is what the scheduler would decide for it now.\n`] : []),
    ...(everywhere ? [`pod/${pod} is not tried: ${everywhere.reasons.join(', ')} (${everywhere.plugin})\n`] : []),
  ];
  if (nodes.length === 0) return `${head.join('')}no nodes available to schedule pods\n`;
  const rows = [['NODE', 'FITS', 'SCORE', wide ? 'REASON OR SCORES' : 'REASON'], ...nodes.map((node) => verdictRow(node, wide))];
  return head.join('') + columns(rows.map((row) => row.map((cell) => cell || '-')));
}

export async function runExplainScheduling(name: string, flags: ExplainSchedulingFlags, terminal: Terminal): Promise<void> {
  const { output } = flags;
  if (output !== undefined && output !== 'wide' && output !== 'json')
    throw new CommandError(`unable to match a printer suitable for the output format "${output}", allowed formats are: json,wide`);
  await inSession(flags, terminal, async ({ connection, namespace }) => {
    const pod = name.replace(/^(?:pods?|po)\//, '');
    const explanation = await explainScheduling(connection.client, pod, namespace);
    terminal.out(output === 'json' ? jsonText(explanation) : explanationText(explanation, pod, output === 'wide'));
  });
}
