import assert from 'node:assert/strict';
import { test } from 'node:test';
import { referenceProblem, urlProblem } from './url-problem.ts';

test('URLs are refused in the words of Go’s net/url', () => {
  const cases: [string, string | undefined][] = [
    ['https://a.b:1/c?d#e', undefined],
    ['mailto:a@b', undefined],
    ['/a', undefined],
    ['*', undefined],
    ['', 'parse "": empty url'],
    ['a', 'parse "a": invalid URI for request'],
    [':a', 'parse ":a": missing protocol scheme'],
    ['http://\u0007', 'parse "http://\\a": net/url: invalid control character in URL'],
    ['http://a b', 'parse "http://a b": invalid character " " in host name'],
    ['http://a:b', 'parse "http://a:b": invalid port ":b" after host'],
    ['http://a:1:2', 'parse "http://a:1:2": invalid port ":1:2" after host'],
    ['mongo://a:1,b:2', undefined],
    ['http://a%41', 'parse "http://a%41": invalid URL escape "%41"'],
    ['http://a/%zé', 'parse "http://a/%zé": invalid URL escape "%z\\xc3"'],
    ['http://a{@b', 'parse "http://a{@b": net/url: invalid userinfo'],
    ['http://[::1]:80/', undefined],
    ['http://[fe80::1%25eth0]/', undefined],
    ['http://[::1', 'parse "http://[::1": missing \']\' in host'],
    ['http://a[::1]', 'parse "http://a[::1]": invalid IP-literal'],
    ['http://[1.2.3.4]', 'parse "http://[1.2.3.4]": invalid IP-literal'],
    ['http://[x]', 'parse "http://[x]": invalid host: ParseAddr("x"): unable to parse IP'],
  ];
  for (const [text, expected] of cases) assert.equal(urlProblem(text), expected, text);
});

test('references need no scheme, and have a fragment apart', () => {
  const cases: [string, string | undefined][] = [
    ['', undefined],
    ['a/b', undefined],
    ['a:b', undefined],
    ['1:b', 'parse "1:b": first path segment in URL cannot contain colon'],
    ['//a b/', 'parse "//a b/": invalid character " " in host name'],
    ['http://a b#c', 'parse "http://a b": invalid character " " in host name'],
    ['http://a#%', 'parse "http://a#%": invalid URL escape "%"'],
  ];
  for (const [text, expected] of cases) assert.equal(referenceProblem(text), expected, text);
});
