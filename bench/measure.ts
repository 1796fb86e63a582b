// What the benchmarks share: repeated runs, medians with their spread, processes' memory and CPU, and result files.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Figures {
  median: number;
  min: number;
  max: number;
  count: number;
}

export function figures(values: readonly number[]): Figures {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)!, count: sorted.length };
}

export const shown = ({ median, min, max, count }: Figures, unit: string, digits = 0): string =>
  `${median.toFixed(digits)} ${unit} (${min.toFixed(digits)}–${max.toFixed(digits)}, ${count} runs)`;

/** Resident memory in MiB of a process and everything it started, found by the parents' chain or by a text in the command line. */
export function residentMebibytes(matches: (commandLine: string, pid: number) => boolean): number {
  let pages = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const commandLine = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (!matches(commandLine, Number(entry))) continue;
      pages += Number(readFileSync(`/proc/${entry}/statm`, 'utf8').split(' ')[1]);
    } catch {
      // It ended meanwhile.
    }
  }
  return (pages * 4096) / 2 ** 20;
}

/** CPU seconds a process has used so far. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** CPU seconds that all programs and the kernel have used since the machine started. */
export function machineCpuSeconds(): number {
  const [user, nice, system, , , irq, softIrq] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user! + nice! + system! + irq! + softIrq!) / 100;
}

/** Builds dist/, which is what users of the npm package run. */
export function bundle(): void {
  for (const tool of ['bundle', 'compile']) execFileSync(process.execPath, [join(root, `tools/${tool}.mjs`)], { stdio: 'inherit' });
}

export function tiphys(...args: string[]): void {
  const result = spawnSync(process.execPath, [join(root, 'dist/tiphys.mjs'), ...args], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`tiphys ${args.join(' ')}: ${result.stderr}`);
}

/** Writes bench/results/NAME.md and prints it. */
export function report(name: string, title: string, lines: readonly string[]): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  const text = `# ${title}\n\nCommit ${commit}; ${machine}.\n\n${lines.join('\n')}\n`;
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  writeFileSync(join(root, 'bench/results', `${name}.md`), text);
  console.log(text);
}
