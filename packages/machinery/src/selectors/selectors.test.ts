// Selector grammar and matching, with upstream's sentences for what it refuses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatLabelSelector, labelSelectorMatcher, labelSelectorObject, parseFieldSelector, parseLabelSelector } from './index.ts';

test('label selectors match', () => {
  const matches = (text: string, labels: Record<string, string>) => parseLabelSelector(text).matches(labels);
  assert.equal(matches('', {}), true);
  assert.equal(matches('a=b', { a: 'b' }), true);
  assert.equal(matches('a!=b', {}), true);
  assert.equal(matches('a in (b,c),!d', { a: 'c' }), true);
  assert.equal(matches('a notin (b)', { a: 'b' }), false);
  assert.equal(matches('a', { a: '' }), true);
  assert.equal(matches('a>5', { a: '10' }), true);
  assert.equal(matches('a<5', { a: 'x' }), false);
  assert.equal(matches('constructor', {}), false);
});

test('label selectors that cannot be read', () => {
  const cases: [string, RegExp][] = [
    ['x y', /^unable to parse requirement: found 'y', expected: in, notin, =, ==, !=, gt, lt$/],
    ['a,', /^found '', expected: identifier after ','$/],
    ['=a', /^found '=', expected: !, identifier, or 'end of string'$/],
    ['a in (b', /^unable to parse requirement: found '', expected: ',' or '\)'$/],
    ['a>x', /values\[0\]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer/],
    ['-a', /^unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseLabelSelector(text), { code: 400, message });
});

test('LabelSelector objects', () => {
  assert.equal(labelSelectorMatcher(undefined).matches({}), false);
  assert.equal(labelSelectorMatcher({}).matches({ a: 'b' }), true);
  const selector = {
    matchLabels: { a: 'b' },
    matchExpressions: [
      { key: 'c', operator: 'NotIn', values: ['d'] },
      { key: 'e', operator: 'Exists' },
    ],
  };
  assert.equal(String(labelSelectorMatcher(selector)), 'a=b,c notin (d),e');
  assert.deepEqual(labelSelectorObject('a=b,c notin (d),e'), selector);
  assert.equal(formatLabelSelector({}), '<none>');
  assert.throws(() => labelSelectorMatcher({ matchExpressions: [{ key: 'a', operator: 'Near' }] }), {
    message: '"Near" is not a valid label selector operator',
  });
});

const name = fc.stringMatching(/^[a-z]([-a-z0-9_.]{0,8}[a-z0-9])?$/);
const requirement = fc.oneof(
  fc.tuple(name, fc.constantFrom('=', '==', '!='), name).map((parts) => parts.join('')),
  fc
    .tuple(name, fc.constantFrom(' in ', ' notin '), fc.array(name, { minLength: 1, maxLength: 3 }))
    .map(([key, op, values]) => `${key}${op}(${values.join(',')})`),
  name,
  name.map((key) => `!${key}`),
);

test('property: a selector’s text reads back as the same selector', () => {
  fc.assert(
    fc.property(fc.array(requirement, { minLength: 1, maxLength: 4 }), (parts) => {
      const once = parseLabelSelector(parts.join(','));
      assert.deepEqual(parseLabelSelector(String(once)).requirements, once.requirements);
    }),
  );
});

test('field selectors', () => {
  const selector = parseFieldSelector('metadata.name=web,status.phase!=Running,spec.x=a\\,b');
  assert.equal(selector.matches({ 'metadata.name': 'web', 'status.phase': 'Pending', 'spec.x': 'a,b' }), true);
  assert.equal(selector.matches({ 'metadata.name': 'web', 'status.phase': 'Running', 'spec.x': 'a,b' }), false);
  assert.equal(selector.exactValue('metadata.name'), 'web');
  assert.equal(parseFieldSelector('a=').matches({}), true);
  assert.throws(() => parseFieldSelector('abc'), { code: 400, message: "invalid selector: 'abc'; can't understand 'abc'" });
  assert.throws(() => parseFieldSelector('a=b\\c'), { message: 'invalid field selector: invalid escape sequence: \\c' });
  assert.throws(() => parseFieldSelector('a=b=c'), { message: 'invalid field selector: unescaped character in value: 61' });
});
