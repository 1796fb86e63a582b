import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, judgeDifferences, linesToShow, parseAccepted, SHOWN_PER_DOCUMENT_MAX } from './differences.ts';
import { comparableOpenApi } from './documents.ts';

test('each place that differs is one line, whichever side lacks it', () => {
  const reference = { a: { 'b/c': 1 }, list: [1, 2], same: { x: [{}] } };
  const own = { a: { 'b/c': 2 }, list: [1], more: 'm', same: { x: [{}] } };
  assert.deepEqual(differences(reference, own), ['/a/b~1c: 1 → 2', '/list/1: 2 → absent', '/more: absent → "m"']);
});

test('accepted differences need a reason, and those that are gone must leave the list', () => {
  const accepted = parseAccepted('# head\npolicy/* /kind: *\nother\n    Because.\n');
  assert.deepEqual(accepted, [
    { pattern: 'policy/* /kind: *', reason: 'Because.' },
    { pattern: 'other', reason: 'Because.' },
  ]);
  const verdict = judgeDifferences(['policy/roles /kind: absent → "Role"', 'policy/roles /rules: 1 → 2'], accepted);
  assert.deepEqual(verdict, { surprises: ['policy/roles /rules: 1 → 2'], acceptedCount: 1, unused: ['other'] });
  assert.throws(() => parseAccepted('policy/*\n'), /without a reason/);
});

test('a document that differs everywhere does not fill the screen', () => {
  const many = Array.from({ length: SHOWN_PER_DOCUMENT_MAX + 3 }, (_, i) => `a /${i}: 1 → 2`);
  assert.deepEqual(linesToShow([...many, 'b /x: 1 → 2']).slice(SHOWN_PER_DOCUMENT_MAX), ['a: 3 more', 'b /x: 1 → 2']);
});

test('OpenAPI is compared without prose, and parameters by what they say rather than where', () => {
  const written = {
    paths: { '/x': { get: { description: 'd', parameters: [{ in: 'query', name: 'limit', description: 'l', type: 'integer' }] } } },
  };
  const referring = {
    parameters: { 'limit-1': { in: 'query', name: 'limit', type: 'integer' } },
    paths: { '/x': { get: { parameters: [{ $ref: '#/parameters/limit-1' }] } } },
  };
  assert.deepEqual(comparableOpenApi(written), comparableOpenApi(referring));
  const schema = { properties: { description: { type: 'string', description: 'd' } } };
  assert.deepEqual(comparableOpenApi(schema), { properties: { description: { type: 'string' } } });
  const named = { properties: { properties: { type: 'object', description: 'd' } } };
  assert.deepEqual(comparableOpenApi(named), { properties: { properties: { type: 'object' } } });
});
