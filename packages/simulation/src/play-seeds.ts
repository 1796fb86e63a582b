// Plays one story after another, and looks for the shortest of each that breaks a promise.
import { realClock } from '@tiphys/runtime';
import { drawStory, runStory } from './run.ts';
import { shortest } from './shorten.ts';
import { storyText } from './story.ts';

export interface PlayOptions {
  first: number;
  count: number;
  minutes: number;
  verbose: boolean;
  /** Stop at the first broken promise. */
  untilBroken?: boolean;
  /** Look for the shortest story that breaks a promise too; that may take hundreds of stories. */
  shortens?: boolean;
}

/** Resolves with the seeds of the stories that broke a promise. */
export async function playSeeds({ first, count, minutes, verbose, untilBroken = false, shortens = false }: PlayOptions): Promise<number[]> {
  const clock = realClock();
  const failed: number[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const startMs = clock.monotonicMs();
    const story = drawStory(seed, minutes);
    const outcome = await runStory(story);
    const tookMs = Math.round(clock.monotonicMs() - startMs);
    const head = `seed ${seed}: ${story.steps.length} steps, ${outcome.revision} writes, ${tookMs} ms`;
    if (!outcome.failure) {
      console.log(`${head}: every promise was kept`);
      if (verbose) console.log(storyText(story));
      continue;
    }
    failed.push(seed);
    console.log(`${head}\n  ${outcome.failure.message}`);
    if (untilBroken) return failed;
    if (!shortens) continue;
    console.log('Looking for a shorter story …');
    const short = await shortest(story, (candidate) => runStory(candidate));
    console.log(`${storyText(short.story)}\n  ${short.failure.message}\nPlay it again: npm run sim -- --seed ${seed} --minutes ${minutes}`);
  }
  return failed;
}
