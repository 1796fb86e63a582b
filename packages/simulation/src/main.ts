// npm run sim -- --seed N [--minutes M] [--seeds K]: stories from seeds, until one breaks a promise; and mutants, to see them caught.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants.ts';
import { mutantNamed, plant, resultLine, tryMutants, withResults } from './mutation.ts';
import { recorded, SLICE_SEEDS, withPlayed } from './record.ts';

const HELP = `npm run sim -- [--seed N] [--seeds K] [--minutes M] [--verbose]
npm run sim -- --record [--seeds K] [--minutes M]
npm run sim -- --mutants [NAME …] [--seeds K]
npm run sim -- --mutant NAME [--seeds K]

Plays K stories (default 1) of M virtual minutes (default 10), the first from seed N (default 1), against a whole cluster on a virtual
clock, with faults. A story that breaks a promise is made as short as it can be and printed; its seed plays it again.
With --record packages/simulation/results/seeds.md says how far the stories from seed 1 were played; the next run goes on from there.
Stories that break a promise are not made shorter then: play their seeds alone.
With --mutants each of the faults in mutants.ts (or those that are named) is planted, and stories (default 200) are played until it is caught;
packages/simulation/results/mutants.md says by which seed.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string' },
    minutes: { type: 'string', default: '10' },
    mutants: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    record: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const minutes = Number(values.minutes);
const MUTANT_SEEDS = 200;

const RESULTS = new URL('../results/mutants.md', import.meta.url);
const RECORD = new URL('../results/seeds.md', import.meta.url);

const headCommit = () => execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();

/** How many stories of the commit have broken a promise. */
async function record(): Promise<number> {
  const { playSeeds } = await import('./play-seeds.ts');
  const count = Number(values.seeds ?? 1);
  let played = recorded(readFileSync(RECORD, 'utf8'), headCommit(), minutes);
  while (played.last < count) {
    const slice = Math.min(SLICE_SEEDS, count - played.last);
    const broken = await playSeeds({ first: played.last + 1, count: slice, minutes, verbose: values.verbose });
    played = { ...played, last: played.last + slice, broken: [...played.broken, ...broken] };
    writeFileSync(RECORD, withPlayed(readFileSync(RECORD, 'utf8'), played));
  }
  return played.broken.length;
}

async function mutants(): Promise<number> {
  let missed = 0;
  const commit = headCommit();
  const chosen = positionals.length > 0 ? positionals.map(mutantNamed) : MUTANTS;
  await tryMutants(chosen, Number(values.seeds ?? MUTANT_SEEDS), minutes, (caught) => {
    if (caught.seed === undefined) missed++;
    const line = resultLine(caught, commit);
    console.log(line);
    // At once: who ends this early has what was found.
    writeFileSync(RESULTS, withResults(readFileSync(RESULTS, 'utf8'), [line]));
  });
  return missed;
}

/** How many stories broke a promise. With a mutant the first is enough. */
async function stories(): Promise<number> {
  const planted = values.mutant === undefined ? undefined : plant(mutantNamed(values.mutant));
  // Loaded only now, so that a mutant's file is.
  const { playSeeds } = await import('./play-seeds.ts');
  const count = Number(values.seeds ?? (planted ? MUTANT_SEEDS : 1));
  const failed = await playSeeds({
    first: Number(values.seed),
    count,
    minutes,
    verbose: values.verbose,
    untilBroken: planted !== undefined,
    shortens: planted === undefined,
  });
  if (planted && !planted.isPlanted()) throw new Error(`the file of the mutant ${values.mutant} was never loaded`);
  return failed.length;
}

if (values.help) console.log(HELP);
else process.exitCode = (await (values.mutants ? mutants() : values.record ? record() : stories())) > 0 ? 1 : 0;
