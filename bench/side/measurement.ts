// What a group of measurements is: the two sides it starts, what it does to each, and the rows it fills.
import type { Side, Start } from './servers.ts';

export interface Scale {
  peers: string;
  pods: number;
  /** Objects that no selector matches. */
  objects: number;
  /** Megabytes of one of the ten large lists. */
  listMegabytes: number;
  watchers: number;
  /** Changes elsewhere, while selective watchers wait. */
  changes: number;
  leases: number;
}

/** Figures of one run, by name. */
export type Run = Record<string, number>;

export interface Row {
  label: string;
  /** The name of a figure. */
  figure: string;
  unit: string;
  digits?: number;
  /** Tiphys to upstream: at least for what should be large, at most for what should be small. Without one the row is for information. */
  goal?: { atLeast: number } | { atMost: number };
}

export interface Group {
  title: string;
  ours: Start;
  theirs: Start;
  run(side: Side, scale: Scale): Promise<{ run: Run; objects?: Map<string, string> }>;
  rows: readonly Row[];
  /** Not more than so many, where preparing one takes minutes. */
  roundsMax?: number;
}
