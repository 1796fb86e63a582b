// Counters, gauges and histograms in Prometheus' text form 0.0.4. Whoever counts keeps its series, so that counting is an addition.

/** Different label sets of one metric; what comes after them is counted together, without labels. */
export const METRIC_SERIES_MAX = 5000;

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));

/** `{a="x",b="y"}`, or nothing. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return '';
  return `{${names.map((name, i) => `${name}="${escaped(values[i] ?? '')}"`).join(',')}}`;
}

/** One metric with its label names; gives its lines when it is scraped. */
export interface Family {
  readonly name: string;
  write(lines: string[]): void;
}

export interface Described {
  name: string;
  help: string;
  labels?: readonly string[];
}

const head = ({ name, help }: Described, type: string): string[] => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];

/** Series of one family by the values of their labels. */
class SeriesMap<S> {
  readonly #make: () => S;
  readonly #names: readonly string[];
  readonly all = new Map<string, S>();

  constructor(names: readonly string[], make: () => S) {
    this.#names = names;
    this.#make = make;
  }

  of(values: readonly string[]): S {
    const labels = labelText(this.#names, values);
    const known = this.all.get(labels);
    if (known) return known;
    const counted = this.all.size < METRIC_SERIES_MAX ? labels : labelText(this.#names, []);
    let series = this.all.get(counted);
    if (!series) {
      series = this.#make();
      this.all.set(counted, series);
    }
    return series;
  }
}

export interface Count {
  value: number;
}

/** Also a gauge that is set by hand. */
export class Counter implements Family {
  readonly name: string;
  readonly #described: Described;
  readonly #type: 'counter' | 'gauge';
  readonly #series: SeriesMap<Count>;

  constructor(described: Described, type: 'counter' | 'gauge' = 'counter') {
    this.name = described.name;
    this.#described = described;
    this.#type = type;
    this.#series = new SeriesMap(described.labels ?? [], () => ({ value: 0 }));
  }

  /** The series to count in; keep it. */
  series(...values: string[]): Count {
    return this.#series.of(values);
  }

  add(values: readonly string[], by = 1): void {
    this.#series.of(values).value += by;
  }

  write(lines: string[]): void {
    if (this.#series.all.size === 0) return;
    lines.push(...head(this.#described, this.#type));
    for (const [labels, { value }] of this.#series.all) lines.push(`${this.name}${labels} ${value}`);
  }
}

export class HistogramSeries {
  readonly #bounds: readonly number[];
  /** How many fell under each bound and above the one before; the last is beyond all. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    this.sum += value;
    let i = 0;
    while (i < this.#bounds.length && value > this.#bounds[i]!) i++;
    this.counts[i]!++;
  }
}

export class Histogram implements Family {
  readonly name: string;
  readonly #described: Described;
  readonly #bounds: readonly number[];
  readonly #series: SeriesMap<HistogramSeries>;

  constructor(described: Described & { buckets: readonly number[] }) {
    this.name = described.name;
    this.#described = described;
    this.#bounds = described.buckets;
    this.#series = new SeriesMap(described.labels ?? [], () => new HistogramSeries(described.buckets));
  }

  series(...values: string[]): HistogramSeries {
    return this.#series.of(values);
  }

  write(lines: string[]): void {
    if (this.#series.all.size === 0) return;
    lines.push(...head(this.#described, 'histogram'));
    for (const [labels, { counts, sum }] of this.#series.all) {
      const open = labels === '' ? '{' : `${labels.slice(0, -1)},`;
      let total = 0;
      for (const [i, bound] of this.#bounds.entries()) {
        total += counts[i]!;
        lines.push(`${this.name}_bucket${open}le="${bound}"} ${total}`);
      }
      total += counts.at(-1)!;
      lines.push(
        `${this.name}_bucket${open}le="+Inf"} ${total}`,
        `${this.name}_sum${labels} ${sum}`,
        `${this.name}_count${labels} ${total}`,
      );
    }
  }
}

/** What is known elsewhere and looked up when it is asked for: label values and the figure. */
export function observed(
  described: Described,
  read: () => Iterable<readonly [readonly string[], number]>,
  type: 'counter' | 'gauge' = 'gauge',
): Family {
  return {
    name: described.name,
    write(lines) {
      const rows = Array.from(read(), ([values, figure]) => `${described.name}${labelText(described.labels ?? [], values)} ${figure}`);
      if (rows.length > 0) lines.push(...head(described, type), ...rows);
    },
  };
}

export function metricsText(families: Iterable<Family>): string {
  const lines: string[] = [];
  for (const family of families) family.write(lines);
  return `${lines.join('\n')}\n`;
}
