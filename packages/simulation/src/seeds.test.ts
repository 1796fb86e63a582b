// Fifty stories of ten virtual minutes, with fewer steps than `npm run sim` draws.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawStory, runStory } from './run.ts';
import { storyText } from './story.ts';

const SEEDS = 50;
const MINUTES = 10;
const STEPS_PER_MINUTE = 1;

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`every promise is kept in the story of seed ${seed}`, async () => {
    const story = drawStory(seed, MINUTES, STEPS_PER_MINUTE);
    const { failure } = await runStory(story);
    if (failure) assert.fail(`${failure.message}\n${storyText(story)}`);
  });
}
