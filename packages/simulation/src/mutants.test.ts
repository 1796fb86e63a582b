// Every mutant fits the source as it is, and some are planted and caught: those that the first story catches whatever it is about.
// results/mutants.md says which seed caught each; `npm run sim -- --mutants` finds them again.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MUTANTS, mutated } from './mutants.ts';
import { mutantNamed, tryMutant, withResults } from './mutation.ts';

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

for (const name of ['quota-not-charged', 'overfull-node', 'sleeping-pod']) {
  test(`a short story catches ${name}`, async () => {
    assert.equal((await tryMutant(mutantNamed(name), 1, 1)).seed, 1);
  });
}

test('new results take the place of old ones', () => {
  const table = '| mutant | seed |\n|---|---|\n| a | 1 |\n| b | 2 |\n';
  assert.equal(withResults(table, ['| c | 3 |', '| a | 4 |']), '| mutant | seed |\n|---|---|\n| a | 4 |\n| b | 2 |\n| c | 3 |\n');
});
