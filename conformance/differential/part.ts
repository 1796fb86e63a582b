// Where two answers part, place by place; of long texts only the neighbourhood of the first other character is shown.

const BEFORE_CHARACTERS = 60;
const SHOWN_CHARACTERS_MAX = 300;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function windows(reference: unknown, own: unknown): [string, string] {
  const texts = [reference, own].map((value) => (value === undefined ? 'absent' : JSON.stringify(value))) as [string, string];
  if (texts.every((text) => text.length <= SHOWN_CHARACTERS_MAX)) return texts;
  let same = 0;
  while (same < texts[0].length && texts[0][same] === texts[1][same]) same++;
  const from = Math.max(0, same - BEFORE_CHARACTERS);
  return texts.map((text) => {
    const end = from + SHOWN_CHARACTERS_MAX;
    return `${from > 0 ? '…' : ''}${text.slice(from, end)}${text.length > end ? '…' : ''}`;
  }) as [string, string];
}

/** `path: reference → own` for each place that differs. Lists are compared by position. */
export function partings(reference: unknown, own: unknown, path = ''): string[] {
  if (isObject(reference) && isObject(own)) {
    const keys = [...new Set([...Object.keys(reference), ...Object.keys(own)])].sort();
    return keys.flatMap((key) => partings(reference[key], own[key], `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`));
  }
  if (Array.isArray(reference) && Array.isArray(own)) {
    const length = Math.max(reference.length, own.length);
    return Array.from({ length }, (_, i) => partings(reference[i], own[i], `${path}/${i}`)).flat();
  }
  if (JSON.stringify(reference) === JSON.stringify(own)) return [];
  return [`${path}: ${windows(reference, own).join(' → ')}`];
}
