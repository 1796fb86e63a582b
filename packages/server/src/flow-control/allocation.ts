// Divides seats among priority levels: as near to each one's target as the bounds of all allow, in one common proportion
// (apiserver pkg/util/flowcontrol/conc_alloc.go).

export interface AllocationItem {
  target: number;
  lowerBound: number;
  upperBound: number;
}

const TARGET_MIN = 0.001;
const ROUNDS_MAX = 100;

/**
 * The allocations, whose sum is `sum`; undefined when no allocation fits the bounds. Each is its target times the same
 * proportion, moved to the nearer bound where that lies outside.
 */
export function allocate(sum: number, items: readonly AllocationItem[]): { allocations: number[]; proportion: number } | undefined {
  const lowest = items.reduce((total, item) => total + item.lowerBound, 0);
  const highest = items.reduce((total, item) => total + item.upperBound, 0);
  if (sum < 0 || lowest > sum || highest < sum) return undefined;
  const at = (proportion: number) =>
    items.map(({ target, lowerBound, upperBound }) =>
      Math.max(lowerBound, Math.min(upperBound, proportion * Math.max(target, TARGET_MIN))),
    );
  const total = (proportion: number) => at(proportion).reduce((all, one) => all + one, 0);
  // The total grows with the proportion: halve the interval that holds the answer until it is as small as numbers get.
  let low = 0;
  let high = Math.max(...items.map(({ target, upperBound }) => upperBound / Math.max(target, TARGET_MIN)), 1);
  for (let round = 0; round < ROUNDS_MAX && low < high; round++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (total(middle) < sum) low = middle;
    else high = middle;
  }
  return { allocations: at(high), proportion: high };
}
