import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from './clock.ts';
import { logger } from './log.ts';

const START_MS = Date.UTC(2026, 10, 21, 9, 8, 7, 65);

function written(use: (log: ReturnType<typeof logger>) => void, debug = false): string[] {
  const lines: string[] = [];
  use(logger({ clock: virtualClock(START_MS), write: (line) => lines.push(line), debug }));
  return lines;
}

test("lines have klog's shape", () => {
  const lines = written((log) => {
    log.info('started', { port: 6443, name: 'a "b"' });
    log.named('scheduler').warning('slow');
  });
  assert.deepEqual(lines, ['I1121 09:08:07.065 tiphys] "started" port=6443 name="a \\"b\\""', 'W1121 09:08:07.065 scheduler] "slow"']);
});

test('one message is one line, whatever it holds', () => {
  const lines = written((log) => {
    log.info('two\nlines', { value: 'x\ny', list: [1], missing: undefined });
    log.error('failed', new Error('because\nof this'), { attempt: 2 });
    log.error('failed', 'a word');
  });
  assert.equal(lines.length, 3);
  for (const line of lines) assert.ok(!line.includes('\n'), line);
  assert.match(lines[0]!, / list=\[1\] missing=null$/);
  assert.match(lines[1]!, /^E.* "failed" attempt=2 err="Error: because\\nof this\\n {4}at /);
  assert.match(lines[2]!, / err="a word"$/);
});

test('as JSON a line is an object', () => {
  const lines: string[] = [];
  const log = logger({ clock: virtualClock(START_MS), write: (line) => lines.push(line), format: 'json' });
  log.info('started', { port: 6443 });
  log.named('scheduler').error('two\nlines', 'because');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      { ts: START_MS, logger: 'tiphys', msg: 'started', v: 0, port: 6443 },
      { ts: START_MS, logger: 'scheduler', msg: 'two\nlines', err: 'because' },
    ],
  );
});

test('details are written only when they are asked for', () => {
  assert.deepEqual(
    written((log) => log.named('x').debug('detail')),
    [],
  );
  assert.equal(written((log) => log.named('x').debug('detail'), true).length, 1);
});
