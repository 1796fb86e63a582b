// Where a command reads and writes: the process's own streams, or a test's. Progress goes to stderr, data to stdout.
import { styleText } from 'node:util';

export interface Terminal {
  out(text: string): void;
  error(text: string): void;
  stdin: NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };
  stderr: NodeJS.WritableStream;
  environment: Readonly<Record<string, string | undefined>>;
  workingFolder: string;
}

export function processTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(text),
    error: (text) => void process.stderr.write(text),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    workingFolder: process.cwd(),
  };
}

/** A failure whose message is all a person needs; `code` becomes the exit code. */
export class CommandError extends Error {
  override name = 'CommandError';
  readonly code: number;
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

/** A message that says everything itself, or nothing at all: only the exit code counts. */
export class PlainFailure extends CommandError {
  override name = 'PlainFailure';
}

/** Several things failed, each told in its turn. */
export class Failures extends Error {
  override name = 'Failures';
  readonly errors: readonly unknown[];
  constructor(errors: readonly unknown[]) {
    super(`${errors.length} failures`);
    this.errors = errors;
  }
}

export function throwFailures(errors: readonly unknown[]): void {
  if (errors.length > 0) throw new Failures(errors);
}

/** Says what a long command is doing: one line as each step begins, one when it is done. */
export function progress(terminal: Terminal): { step(text: string): void; done(text: string): void } {
  const colour = (style: 'green' | 'dim', text: string) => styleText(style, text, { stream: process.stderr });
  return {
    step: (text) => terminal.error(`${colour('dim', ' •')} ${text} …\n`),
    done: (text) => terminal.error(`${colour('green', ' ✓')} ${text}\n`),
  };
}
