// Flags in the forms that kubectl's users type and commander does not know: `-n=x`, `--watch=true`, `--wait=false`, and
// flags such as `--dry-run` whose value only counts when it is joined by `=` (spf13/pflag).
import type { Command } from 'commander';

/** What a flag means when it stands alone. */
const ALONE: Record<string, string> = { '--dry-run': 'client', '--cascade': 'background', '--validate': 'strict' };

/** A flag without a value that was given one: `--x=true` is `--x`, `--x=false` is `--no-x` or nothing. */
function booleanFlag(flag: string, value: string, command: Command): string | undefined {
  const no = `--no-${flag.slice(2)}`;
  if (value === 'true' || value === '1') return flag;
  return command.options.some((option) => option.long === no) ? no : undefined;
}

/** The arguments as commander takes them; everything from `--` on stays as it is. */
export function commandArguments(args: readonly string[], command?: Command): string[] {
  if (!command) return [...args];
  const flags = new Map(command.options.map((option) => [option.long ?? '', option]));
  const plain: string[] = [];
  for (const [index, arg] of args.entries()) {
    if (arg === '--') return [...plain, ...args.slice(index)];
    const short = /^(-[A-Za-z])=(.*)$/s.exec(arg);
    const long = /^(--[a-z-]+)=(.*)$/s.exec(arg);
    if (short) plain.push(short[1]!, short[2]!);
    else if (ALONE[arg] && flags.has(arg)) plain.push(`${arg}=${ALONE[arg]}`);
    else if (long && flags.get(long[1]!)?.isBoolean()) {
      const flag = booleanFlag(long[1]!, long[2]!, command);
      if (flag) plain.push(flag);
    } else plain.push(arg);
  }
  return plain;
}
