// The table of results: medians of both sides, the ratio of each round's pair, and whether the goal is met.
import { figures } from '../measure.ts';
import type { Group, Row, Run } from './measurement.ts';

/** Both sides' figures of one round. */
export interface Round {
  ours: Run;
  theirs: Run;
}

const number = (value: number, digits: number) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const ratioText = (ratio: number) =>
  ratio >= 1 ? `${ratio.toFixed(ratio < 10 ? 2 : 0)}×` : `1/${(1 / ratio).toFixed(1 / ratio < 10 ? 1 : 0)}`;

function verdict(goal: Row['goal'], ratio: number): string {
  if (!goal) return '';
  const [text, met] =
    'atLeast' in goal ? [`≥ ${goal.atLeast}×`, ratio >= goal.atLeast] : [`≤ 1/${(1 / goal.atMost).toFixed(0)}`, ratio <= goal.atMost];
  return `${text} ${met ? 'met' : '**missed**'}`;
}

function line({ label, figure, unit, digits = 0, goal }: Row, rounds: readonly Round[]): string {
  const of = (side: keyof Round) => figures(rounds.map((round) => round[side][figure]!));
  const shown = (side: keyof Round) => {
    const { median, min, max } = of(side);
    return `${number(median, digits)} ${unit} (${number(min, digits)}–${number(max, digits)})`;
  };
  const ratios = figures(rounds.map(({ ours, theirs }) => ours[figure]! / Math.max(theirs[figure]!, Number.MIN_VALUE)));
  const spread = `${ratioText(ratios.median)} (${ratioText(ratios.min)}–${ratioText(ratios.max)})`;
  return `| ${label} | ${shown('ours')} | ${shown('theirs')} | ${spread} | ${verdict(goal, ratios.median)} |`;
}

export function table({ rows }: Group, rounds: readonly Round[]): string[] {
  return [
    '| measurement | Tiphys | upstream | ratio: median of the pairs | goal |',
    '|---|---|---|---|---|',
    ...rows.map((row) => line(row, rounds)),
  ];
}
