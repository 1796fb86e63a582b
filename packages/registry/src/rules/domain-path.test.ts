import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDomainPath } from './domain-path.ts';
import type { Errors } from './errors.ts';

test('domains with paths', () => {
  const cases: [string, RegExp | undefined][] = [
    ['acme.io/foo', undefined],
    ['acme.io/foo/bar', undefined],
    ['', /^Required value$/],
    ['acme.io', /must be a domain-prefixed path/],
    ['/foo', /must be a domain-prefixed path/],
    ['acme.io/', /must be a domain-prefixed path/],
    ['http://acme.io', /^Invalid value: "http:": a lowercase RFC 1123 subdomain/],
    ['acme.io/a b', /^Invalid value: "a b": Invalid path \(regex used for validation is/],
  ];
  for (const [value, expected] of cases) {
    const errors: Errors = [];
    checkDomainPath(errors, 'p', value);
    assert.equal(errors.length, expected ? 1 : 0, value);
    if (expected) assert.match(errors[0]!.message, expected);
  }
});
