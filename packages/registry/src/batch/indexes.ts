// Texts such as `1,3-5` that name the indexes of an Indexed Job (apis/batch/validation validateIndexesFormat, parseIndexInterval,
// validateFailedIndexesNotOverlapCompleted).

interface Interval {
  first: number;
  last: number;
}

/** The interval, or what is wrong with it. */
function intervalOf(text: string, completions: number): Interval | string {
  const parts = text.split('-');
  if (parts.length > 2) {
    return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  }
  for (const part of parts) {
    if (!/^\+?\d+$/.test(part)) return `cannot convert string to integer for index: ${JSON.stringify(part)}`;
    if (Number(part) >= completions) return `too large index: ${JSON.stringify(part)}`;
  }
  const [first, last] = [Number(parts[0]), Number(parts.at(-1))];
  if (parts.length === 2 && first >= last) return `non-increasing order, previous: ${first}, current: ${last}`;
  return { first, last };
}

/** Counts the indexes, or says what is wrong with the text. */
export function countIndexes(text: string, completions: number): number | string {
  let [total, before] = [0, -1];
  for (const part of text === '' ? [] : text.split(',')) {
    const interval = intervalOf(part, completions);
    if (typeof interval === 'string') return interval;
    const { first, last } = interval;
    if (before >= first) return `non-increasing order, previous: ${before}, current: ${first}`;
    total += last - first + 1;
    before = last;
  }
  return total;
}

/** The first index that both texts have, as upstream finds it; what can't be read is passed over. */
export function sharedIndex(completed: string, failed: string, completions: number): number | undefined {
  const intervals = (text: string) =>
    text === '' ? [] : text.split(',').flatMap((part) => [intervalOf(part, completions)].filter((each) => typeof each !== 'string'));
  const [ours, theirs] = [intervals(completed), intervals(failed)];
  for (let i = 0, j = 0; i < ours.length && j < theirs.length; ) {
    const [own, other] = [ours[i]!, theirs[j]!];
    if (own.first <= other.last && other.first <= own.last) return Math.max(own.first, other.first);
    if (own.first <= other.first) i++;
    else j++;
  }
  return undefined;
}
