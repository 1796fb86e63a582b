// results/seeds.md: which stories were played at which commit, and which of them broke a promise. Written after every slice, so that a long
// run can end at any time and go on where it was.

/** Stories that are played between two lines of the record. */
export const SLICE_SEEDS = 25;

export interface Played {
  commit: string;
  minutes: number;
  /** Seeds 1 to this were played. */
  last: number;
  broken: readonly number[];
}

const ROW = /^\| 1–(\d+) \| (\d+) \| (\S+) \| (.*) \|$/;

const rowOf = ({ commit, minutes, last, broken }: Played) =>
  `| 1–${last} | ${minutes} | ${commit} | ${broken.length === 0 ? 'none' : broken.join(', ')} |`;

const parsed = (line: string): Played | undefined => {
  const [, last, minutes, commit, broken] = ROW.exec(line) ?? [];
  if (commit === undefined) return undefined;
  return { commit, minutes: Number(minutes), last: Number(last), broken: broken === 'none' ? [] : broken!.split(', ').map(Number) };
};

/** What the record says of the commit; nothing played when it does not know it. */
export function recorded(table: string, commit: string, minutes: number): Played {
  const known = table.split('\n').map(parsed);
  return known.find((played) => played?.commit === commit && played.minutes === minutes) ?? { commit, minutes, last: 0, broken: [] };
}

/** The record with this in the place of what it said of the same commit. */
export function withPlayed(table: string, played: Played): string {
  const isSame = (line: string) => {
    const old = parsed(line);
    return old?.commit === played.commit && old.minutes === played.minutes;
  };
  const lines = table.trimEnd().split('\n');
  const at = lines.findIndex(isSame);
  if (at === -1) lines.push(rowOf(played));
  else lines[at] = rowOf(played);
  return `${lines.join('\n')}\n`;
}
