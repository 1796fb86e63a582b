// The committed Go facts are what the Go sources say, wherever those are in the module cache.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { enumerationsFile, generateEnumerations } from './enumerations.ts';
import { generateGoTypes, goTypesFile } from './go-types.ts';

const MODULES = join(process.env.GOPATH ?? join(homedir(), 'go'), 'pkg/mod/k8s.io');
const NEEDED = ['api', 'apimachinery', 'apiextensions-apiserver', 'kube-aggregator'].map((name) => join(MODULES, `${name}@v0.36.3`));

test('the Go facts are up to date', {
  skip: !NEEDED.every((folder) => existsSync(folder)) && 'the Go modules are not in the cache',
}, () => {
  assert.equal(readFileSync(goTypesFile, 'utf8'), generateGoTypes(MODULES));
});

test('the enumerations are up to date', {
  skip: !NEEDED.every((folder) => existsSync(folder)) && 'the Go modules are not in the cache',
}, () => {
  assert.equal(readFileSync(enumerationsFile, 'utf8'), generateEnumerations(MODULES));
});

test('every field of the OpenAPI facts is known to the Go facts, by the same protobuf number', async () => {
  const { readFacts } = await import('./types.ts');
  const { schemaOf } = await import('@tiphys/api');
  for (const [name, type] of Object.entries(readFacts().types)) {
    const node = schemaOf(name);
    for (const [field, facts] of Object.entries(type.fields ?? {})) {
      if (node?.isKind && (field === 'kind' || field === 'apiVersion')) continue;
      assert.ok(node?.byName.has(field), `${name}.${field}`);
      const member = node?.members.find((candidate) => candidate.name === field);
      if (facts.proto && member) assert.equal(member.number, facts.proto.n, `${name}.${field}`);
    }
  }
});
