// Durations on the command line, as Go writes them: `90s`, `1h30m`.
import { parseDuration } from '@tiphys/api';
import { CommandError } from '../terminal.ts';

export function durationMs(text: string, flag: string): number {
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new CommandError(`invalid argument ${JSON.stringify(text)} for "${flag}" flag: time: invalid duration ${JSON.stringify(text)}`);
  return ms;
}
