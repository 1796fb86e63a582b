// npm run sim -- --seed N [--minutes M] [--seeds K]: stories from seeds, until one breaks a promise.
import { parseArgs } from 'node:util';
import { realClock } from '@tiphys/runtime';
import { drawStory, runStory } from './run.ts';
import { shortest } from './shorten.ts';
import { storyText } from './story.ts';

const HELP = `npm run sim -- [--seed N] [--seeds K] [--minutes M] [--verbose]

Plays K stories (default 1) of M virtual minutes (default 10), the first from seed N (default 1), against a whole cluster on a virtual
clock, with faults. A story that breaks a promise is made as short as it can be and printed; its seed plays it again.`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '10' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const clock = realClock();

async function main(): Promise<number> {
  const [first, count, minutes] = [Number(values.seed), Number(values.seeds), Number(values.minutes)];
  let failed = 0;
  for (let seed = first; seed < first + count; seed++) {
    const startMs = clock.monotonicMs();
    const story = drawStory(seed, minutes);
    const outcome = await runStory(story);
    const tookMs = Math.round(clock.monotonicMs() - startMs);
    const head = `seed ${seed}: ${story.steps.length} steps, ${outcome.revision} writes, ${tookMs} ms`;
    if (!outcome.failure) {
      console.log(`${head}: every promise was kept`);
      if (values.verbose) console.log(storyText(story));
      continue;
    }
    failed++;
    console.log(`${head}\n  ${outcome.failure.message}\nLooking for a shorter story …`);
    const short = await shortest(story, (candidate) => runStory(candidate));
    console.log(`${storyText(short.story)}\n  ${short.failure.message}\nPlay it again: npm run sim -- --seed ${seed} --minutes ${minutes}`);
  }
  return failed;
}

if (values.help) console.log(HELP);
else process.exitCode = (await main()) > 0 ? 1 : 0;
