// Lines of a container's log file as the container runtime writes them: `time stream tags text`. Works on bytes: a log may
// hold anything. Follows cri-client pkg/logs/logs.go and the CRI's log format.

export interface LogOptions {
  /** Lines from the end; undefined for all. */
  tailLines?: number;
  /** Only lines written at or after this time, in milliseconds since the epoch. */
  sinceMs?: number;
  /** Ends after so many bytes of output. */
  limitBytes?: number;
  timestamps?: boolean;
  follow?: boolean;
  /** Which of the two streams; undefined for both. */
  stream?: 'stdout' | 'stderr';
}

const NEWLINE = 10;
const SPACE = 32;
const COLON = 58;
const PARTIAL = 80;

export interface LogLine {
  /** As it stands in the file: RFC 3339 with nanoseconds. */
  timestamp: string;
  stream: 'stdout' | 'stderr';
  /** Without the final newline when the line goes on in the next entry. */
  text: Buffer;
}

/** Reads one line, with its newline if it has one. undefined when it isn't in the format. */
export function parseLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(SPACE);
  if (first < 0) return undefined;
  const second = line.indexOf(SPACE, first + 1);
  if (second < 0) return undefined;
  const third = line.indexOf(SPACE, second + 1);
  if (third < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tagEnd = line[second + 2] === COLON ? second + 2 : third;
  const partial = tagEnd === second + 2 && line[second + 1] === PARTIAL;
  const end = partial && line.at(-1) === NEWLINE ? line.length - 1 : line.length;
  const timestamp = line.toString('latin1', 0, first);
  return Number.isNaN(Date.parse(timestamp)) ? undefined : { timestamp, stream, text: line.subarray(third + 1, end) };
}

/** Turns bytes of the file into what the reader asked for; keeps the rest of an unfinished line until more comes. */
export class LogFormatter {
  readonly #options: LogOptions;
  #rest: Buffer = Buffer.alloc(0);
  #remaining: number;
  #atLineStart = true;
  #linesLeft: number;

  /** linesMax ends the output after so many entries: the tail of a file that grows meanwhile. */
  constructor(options: LogOptions, linesMax = Number.POSITIVE_INFINITY) {
    this.#options = options;
    this.#remaining = options.limitBytes ?? Number.POSITIVE_INFINITY;
    this.#linesLeft = linesMax;
  }

  get done(): boolean {
    return this.#remaining <= 0 || this.#linesLeft <= 0;
  }

  /** Output for the lines that are complete now. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const output: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0 && !this.done; end = bytes.indexOf(NEWLINE, start)) {
      this.#line(bytes.subarray(start, end + 1), output);
      start = end + 1;
    }
    this.#rest = Buffer.from(bytes.subarray(start));
    return Buffer.concat(output);
  }

  /** Output for a last line without its newline. */
  end(): Buffer {
    const output: Buffer[] = [];
    if (this.#rest.length > 0 && !this.done) this.#line(this.#rest, output);
    this.#rest = Buffer.alloc(0);
    return Buffer.concat(output);
  }

  #line(bytes: Buffer, output: Buffer[]) {
    const line = parseLine(bytes);
    if (!line) return;
    const wanted = this.#options.stream === undefined || this.#options.stream === line.stream;
    if (wanted && !this.#isTooOld(line)) {
      if (this.#options.timestamps && this.#atLineStart) this.#emit(Buffer.from(`${line.timestamp} `), output);
      this.#emit(line.text, output);
    }
    this.#atLineStart = line.text.length === 0 || line.text.at(-1) === NEWLINE;
    this.#linesLeft--;
  }

  #isTooOld(line: LogLine): boolean {
    return this.#options.sinceMs !== undefined && Date.parse(line.timestamp) < this.#options.sinceMs;
  }

  #emit(bytes: Buffer, output: Buffer[]) {
    const part = bytes.length > this.#remaining ? bytes.subarray(0, this.#remaining) : bytes;
    this.#remaining -= part.length;
    if (part.length > 0) output.push(part);
  }
}
