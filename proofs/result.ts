// What a proof has shown so far, as a page to commit.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import type { Progress, Proof } from './proof.ts';

const FOLDER = join(import.meta.dirname, 'results');
/** With no failure in n trials, three in n bounds their share with 95 % confidence. */
const RULE_OF_THREE = 3;

const shown = (value: number) => (Number.isInteger(value) ? value.toLocaleString('en-US') : value.toFixed(1));

function rows(proof: Proof, progress: Progress): [string, string][] {
  const { done, rounds, seed, seconds, sums, peaks, failures } = progress;
  return [
    [proof.unit, `${shown(done)} of ${shown(proof.fullCount)}`],
    ['rounds', shown(rounds)],
    ...Object.entries(sums).map(([name, value]): [string, string] => [name, shown(value)]),
    ...Object.entries(peaks).map(([name, value]): [string, string] => [`${name}, at most`, shown(value)]),
    ['failures', shown(failures.length)],
    ...(failures.length === 0
      ? [['a failure is rarer than (95 %)', `1 in ${shown(Math.floor(done / RULE_OF_THREE))}`] as [string, string]]
      : []),
    ['seed', String(seed)],
    ['time', `${shown(Math.round(seconds))} s`],
  ];
}

export function writeResult(proof: Proof, progress: Progress): void {
  const lines = [
    `# ${proof.title}`,
    '',
    proof.about.trim(),
    '',
    `${new Date().toISOString().slice(0, 10)}, commit ${progress.commits.join(', ')}, ${cpus().length} cores, Linux ${release()}. Again: \`npm run proofs -- ${proof.name} --full --anew --seed ${progress.seed}\`.`,
    '',
    '| what | |',
    '|---|---|',
    ...rows(proof, progress).map(([what, value]) => `| ${what} | ${value} |`),
    ...(progress.failures.length > 0 ? ['', ...progress.failures.map((failure) => `- ${failure}`)] : []),
  ];
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${proof.name}.md`), `${lines.join('\n')}\n`);
}
