// Draws of a generator, all from one seed.
import { seededRandom } from '@tiphys/runtime';

export interface Chance {
  /** True so many times of a hundred. */
  percent(share: number): boolean;
  /** 0 up to, but without, the bound. */
  below(bound: number): number;
  pick<T>(values: readonly T[]): T;
}

/** Numbers far enough apart that the streams of neighbouring episodes have nothing in common. */
const SEED_STRIDE = 0x9e3779b1;

export function chanceOf(seed: number, episode: number): Chance {
  const random = seededRandom((Math.imul(seed + 1, SEED_STRIDE) ^ Math.imul(episode + 1, 0x85ebca6b)) >>> 0);
  const below = (bound: number) => Math.floor(random.number() * bound);
  return { below, percent: (share) => random.number() * 100 < share, pick: (values) => values[below(values.length)]! };
}
