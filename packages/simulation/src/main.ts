// npm run sim -- --seed N [--minutes M] [--seeds K]: stories from seeds, until one breaks a promise; and mutants, to see them caught.
import { parseArgs } from 'node:util';
import { mutantNamed, plant, tryMutants } from './mutation.ts';

const HELP = `npm run sim -- [--seed N] [--seeds K] [--minutes M] [--verbose]
npm run sim -- --mutants [--seeds K]
npm run sim -- --mutant NAME [--seeds K]

Plays K stories (default 1) of M virtual minutes (default 10), the first from seed N (default 1), against a whole cluster on a virtual
clock, with faults. A story that breaks a promise is made as short as it can be and printed; its seed plays it again.
With --mutants each of the faults in mutants.ts is planted, and stories (default 200) are played until one is caught.`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string' },
    minutes: { type: 'string', default: '10' },
    mutants: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const minutes = Number(values.minutes);
const MUTANT_SEEDS = 200;

async function mutants(): Promise<number> {
  let missed = 0;
  await tryMutants(Number(values.seeds ?? MUTANT_SEEDS), minutes, ({ mutant, seed, message }) => {
    if (seed === undefined) missed++;
    console.log(
      `${mutant.name}: ${seed === undefined ? `NOT CAUGHT (${mutant.why})` : `caught by seed ${seed}: ${message.slice(0, 200)}`}`,
    );
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
  });
  if (planted && !planted.isPlanted()) throw new Error(`the file of the mutant ${values.mutant} was never loaded`);
  return failed;
}

if (values.help) console.log(HELP);
else process.exitCode = (await (values.mutants ? mutants() : stories())) > 0 ? 1 : 0;
