// Finds a short story that fails as a long one does: leaves out halves, quarters, eighths … of the steps for as long as it still
// fails (delta debugging, Zeller 1999).
import type { Outcome } from './run.ts';
import type { Story } from './story.ts';

/** Stories tried; each is a whole run. */
const TRIES_MAX = 200;

export type Failed = Outcome & Required<Pick<Outcome, 'failure'>>;

const hasFailed = (outcome: Outcome): outcome is Failed => outcome.failure !== undefined;

/** `story` must fail. Any failure counts: a shorter story with another is as good a lead. */
export async function shortest(story: Story, run: (story: Story) => Promise<Outcome>): Promise<Failed> {
  const whole = await run(story);
  if (!hasFailed(whole)) throw new Error('the story does not fail when it is played again: something is not from the seed');
  let best = whole;
  let tries = 0;
  for (let size = Math.ceil(story.steps.length / 2); size >= 1 && tries < TRIES_MAX; ) {
    let removed = false;
    for (let from = 0; from < best.story.steps.length && tries < TRIES_MAX; ) {
      const steps = best.story.steps.toSpliced(from, size);
      const outcome = await run({ ...best.story, steps });
      tries++;
      if (hasFailed(outcome)) {
        best = outcome;
        removed = true;
      } else from += size;
    }
    if (!removed || size > 1) size = size === 1 ? 0 : Math.ceil(size / 2);
  }
  return best;
}
