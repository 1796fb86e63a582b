import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logger, virtualClock } from '@tiphys/runtime';
import { watchClock } from './clock-watch.ts';

test('a clock that jumps is told once, and one that drifts is not', async () => {
  const clock = virtualClock();
  const lines: string[] = [];
  let jumps = 0;
  const stop = watchClock({ clock, log: logger({ clock, write: (line) => void lines.push(line) }) }, () => void jumps++);
  clock.jump(500);
  await clock.advance(180_000);
  assert.deepEqual([jumps, lines], [0, []]);
  clock.jump(3_600_000);
  await clock.advance(180_000);
  clock.jump(-7_200_000);
  await clock.advance(180_000);
  assert.equal(jumps, 2);
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, /this machine's clock was set forward: .*nothing was changed.*3600/);
  assert.match(lines[1]!, /set back: .*7200/);
  stop();
  assert.equal(clock.pending(), 0);
});
