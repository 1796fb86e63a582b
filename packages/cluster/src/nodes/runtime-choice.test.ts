import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseRuntime } from './runtime-choice.ts';

test('auto takes containerd where it can and says why where it cannot', () => {
  const said: string[] = [];
  const explain = (text: string) => void said.push(text);
  assert.equal(chooseRuntime('auto', explain, []), 'containerd');
  assert.deepEqual(said, []);
  assert.equal(chooseRuntime('auto', explain, ['real containers need root']), 'simulated');
  assert.match(said[0]!, /real containers need root/);
});

test('what was asked for is never replaced', () => {
  assert.throws(
    () => chooseRuntime('containerd', () => undefined, ['real containers need root']),
    /--runtime containerd: real containers need root/,
  );
  assert.equal(
    chooseRuntime('simulated', () => undefined, []),
    'simulated',
  );
  assert.equal(
    chooseRuntime('none', () => undefined, ['x']),
    'none',
  );
});
