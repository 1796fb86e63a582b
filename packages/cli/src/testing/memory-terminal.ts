// A terminal in memory, for tests: what goes in is given, what comes out is kept.
import { PassThrough, Readable } from 'node:stream';
import type { Terminal } from '../terminal.ts';

export interface MemoryTerminal extends Terminal {
  output(): string;
  errors(): string;
}

export interface MemoryTerminalOptions {
  environment?: Record<string, string>;
  stdin?: string;
  workingFolder?: string;
}

export function memoryTerminal(options: MemoryTerminalOptions = {}): MemoryTerminal {
  const out: string[] = [];
  const errors: string[] = [];
  const sink = (texts: string[]) => {
    const stream = new PassThrough();
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => texts.push(text));
    return stream;
  };
  return {
    out: (text) => void out.push(text),
    error: (text) => void errors.push(text),
    stdin: Readable.from(options.stdin === undefined ? [] : [options.stdin]),
    stdout: sink(out),
    stderr: sink(errors),
    environment: options.environment ?? {},
    workingFolder: options.workingFolder ?? '/',
    output: () => out.join(''),
    errors: () => errors.join(''),
  };
}
