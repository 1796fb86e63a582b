// What a plain word of YAML is as a number (goyaml.v2 resolve.go: Go's integers in any base, decimals, and the three that are none).
import type { ScalarTag } from 'yaml';

const ODD: Readonly<Record<string, number>> = Object.fromEntries(
  ['inf', 'Inf', 'INF'].flatMap((word) => [
    [`.${word}`, Infinity],
    [`+.${word}`, Infinity],
    [`-.${word}`, -Infinity],
  ]),
);
const NAN = new Set(['.nan', '.NaN', '.NAN']);
const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))$/;
const DECIMAL = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const SIGNED_MAX = 2n ** 63n;
const UNSIGNED_MAX = 2n ** 64n;

/** undefined where it is too large for any of Go's integers. */
function integerOf(match: RegExpExecArray): number | undefined {
  const [, sign, hex, binary, octal, decimal] = match;
  const size = BigInt(hex ? `0x${hex}` : binary ? `0b${binary}` : octal ? `0o${octal}` : decimal!);
  const isNegative = sign === '-';
  // A number without a sign of its own, where a sign stands before it.
  const max = isNegative ? SIGNED_MAX : sign === '+' ? SIGNED_MAX - 1n : UNSIGNED_MAX - 1n;
  return size > max ? undefined : Number(isNegative ? -size : size) + 0;
}

/** undefined: it is a text. */
export function yamlNumber(word: string): number | undefined {
  if (word in ODD) return ODD[word];
  if (NAN.has(word)) return Number.NaN;
  // Underscores mean nothing; behind a point that begins the word they stand between digits.
  if (word.startsWith('_') || (word.startsWith('.') && /_(?!\d)|\D_/.test(word))) return undefined;
  const plain = word.replaceAll('_', '');
  const integer = INTEGER.exec(plain);
  const whole = integer ? integerOf(integer) : undefined;
  if (whole !== undefined) return whole;
  const number = DECIMAL.test(plain) ? Number(plain) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

const tagOf = (name: 'int' | 'float'): ScalarTag => ({
  tag: `tag:yaml.org,2002:${name}`,
  default: true,
  test: /^[-+.\d]/,
  resolve: (word) => yamlNumber(word) ?? word,
});

/** In the place of the library's own, which know other numbers. */
export const NUMBER_TAGS: readonly ScalarTag[] = [tagOf('int'), tagOf('float')];
