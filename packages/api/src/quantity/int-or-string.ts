// Numbers or percentages (apimachinery util/intstr/intstr.go).

export type IntOrPercent = number | string;

export class IntOrStringError extends Error {
  override name = 'IntOrStringError';
}

/** The value itself, or the percentage of the total, rounded up or down. Throws IntOrStringError with upstream's message. */
export function scaledValue(value: IntOrPercent, total: number, roundUp: boolean): number {
  if (typeof value === 'number') return value;
  const match = /^([+-]?\d+)%$/.exec(value);
  if (!match) {
    const why = value.endsWith('%')
      ? `invalid value ${JSON.stringify(value)}: strconv.Atoi: parsing ${JSON.stringify(value.slice(0, -1))}: invalid syntax`
      : 'invalid type: string is not a percentage';
    throw new IntOrStringError(`invalid value for IntOrString: ${why}`);
  }
  const percent = Number(match[1]);
  return roundUp ? Math.ceil((percent * total) / 100) : Math.floor((percent * total) / 100);
}

export const isPercent = (value: unknown): value is string => typeof value === 'string' && /^[0-9]+%$/.test(value);
