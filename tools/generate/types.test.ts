// The committed types are what the facts say: regenerate in memory and compare.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generatedFolder, generateTypes, readFacts } from './types.ts';

test('the generated types are up to date with the facts', () => {
  const files = generateTypes(readFacts());
  const committed = readdirSync(generatedFolder).filter((name) => name.endsWith('.ts'));
  assert.deepEqual(committed.sort(), [...files.keys()].sort());
  for (const [name, text] of files) assert.equal(readFileSync(join(generatedFolder, name), 'utf8'), text, `${name} is stale`);
});
