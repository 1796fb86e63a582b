// The page tells of every field: one that a new version brings must not be forgotten.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { schemaOf } from '@tiphys/api';

const page = readFileSync(new URL('pod-fields.md', import.meta.url), 'utf8');
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [title = '', ...lines] = section.split('\n');
      const rows = lines.filter((line) => line.startsWith('| `'));
      const fields = new Set(rows.flatMap((line) => [...line.split('|')[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!)));
      return title.split(' and ').map((type): [string, Set<string>] => [type, fields]);
    }),
);

for (const [type, told] of sections) {
  test(`every field of ${type} is told of`, () => {
    const names = schemaOf(`io.k8s.api.core.v1.${type}`)!.fields.map(({ name }) => name);
    assert.ok(names.length > 0);
    assert.deepEqual(
      names.filter((name) => !told.has(name)),
      [],
    );
  });
}
