import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBans, checkEdges, checkManifest, checkReachable, checkSizes, importsOf, type SourceFile } from './checks.ts';

const file = (text: string, changes: Partial<SourceFile> = {}): SourceFile => ({
  path: 'packages/api/src/index.ts',
  packageName: 'api',
  isTest: false,
  text,
  ...changes,
});

test('imports are found in each of their forms', () => {
  const text =
    "import a from './a.ts';\nimport {\n  b,\n} from '@tiphys/std';\nexport * from './c.ts';\nimport './d.ts';\nconst e = await import('./e.ts');";
  assert.deepEqual(importsOf(text), ['./a.ts', '@tiphys/std', './c.ts', './d.ts', './e.ts']);
});

test('an edge that the table does not have is a problem', () => {
  assert.deepEqual(checkEdges(file("import { x } from '@tiphys/std';")), []);
  assert.deepEqual(checkEdges(file("import { x } from '@tiphys/server';")), ['packages/api/src/index.ts: api may not import server']);
  assert.equal(checkEdges(file("import { x } from '@tiphys/std/src/der.ts';")).length, 1);
  assert.equal(checkEdges(file("import { x } from '../../std/src/der.ts';")).length, 1);
});

test('long functions and files are problems', () => {
  const long = `function long() {\n${'  work();\n'.repeat(70)}}\n`;
  assert.match(checkSizes(file(long))[0]!, /a function of 72 lines/);
  assert.deepEqual(checkSizes(file(`function short() {\n${'  work();\n'.repeat(60)}}\n`)), []);
  assert.match(checkSizes(file('x;\n'.repeat(501)))[0]!, /502 lines/);
});

test('ambient time, chance and disk are banned where they must be arguments', () => {
  assert.equal(checkBans(file('const t = Date.now();')).length, 1);
  assert.equal(checkBans(file("import { readFileSync } from 'node:fs';")).length, 1);
  assert.deepEqual(checkBans(file('const t = Date.now();', { packageName: 'runtime' })), []);
  assert.deepEqual(checkBans(file("import { readFileSync } from 'node:fs';", { packageName: 'node' })), []);
});

test('a file that nothing imports is a problem', () => {
  const lost = file('', { path: 'packages/api/src/lost.ts' });
  assert.deepEqual(checkReachable([file("import './used.ts';"), file('', { path: 'packages/api/src/used.ts' }), lost], 'api'), [
    'packages/api/src/lost.ts: nothing imports it',
  ]);
});

test('a manifest says what the table says', () => {
  assert.deepEqual(checkManifest('api', { dependencies: { '@tiphys/std': '0.1.0', yaml: '2.9.1' } }), []);
  assert.equal(checkManifest('api', { dependencies: { '@tiphys/server': '0.1.0' } }).length, 2);
});
