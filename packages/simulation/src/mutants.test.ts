// Every mutant fits the source as it is, and one of them is planted and caught.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MUTANTS, mutated } from './mutants.ts';

const PACKAGES = new URL('../../', import.meta.url);

for (const mutant of MUTANTS) {
  test(`mutant ${mutant.name}: ${mutant.why}`, () => {
    const source = readFileSync(new URL(mutant.file, PACKAGES), 'utf8');
    assert.notEqual(mutated(mutant, source), source);
  });
}

test('a mutant whose text is no longer there is an error', () => {
  assert.throws(() => mutated(MUTANTS[0]!, 'something else'), /its text occurs 0 times/);
});

test('there are at least twenty, each with a name of its own', () => {
  assert.ok(MUTANTS.length >= 20);
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});
