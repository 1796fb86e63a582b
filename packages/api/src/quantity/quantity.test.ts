import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalQuantity, compareQuantities, Quantity } from './quantity.ts';

test('canonical forms are upstream’s', () => {
  const cases: [string, string][] = [
    ['0', '0'],
    ['0m', '0'],
    ['1000m', '1'],
    ['0.5', '500m'],
    ['1500m', '1500m'],
    ['1024Mi', '1Gi'],
    ['1000Ki', '1000Ki'],
    ['100Ki', '100Ki'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['0.1Gi', '107374182400m'],
    ['1e3', '1e3'],
    ['12e6', '12e6'],
    ['1000000', '1M'],
    ['1500000', '1500k'],
    ['-5', '-5'],
    ['1Ki', '1Ki'],
    ['0.0000000001', '1n'],
    ['4000000000000000000000Ki', '9223372036854775807'],
    ['1.500', '1.500'],
  ];
  for (const [text, canonical] of cases) assert.equal(canonicalQuantity(text), canonical, text);
});

test('what isn’t a quantity is refused with upstream’s words', () => {
  for (const text of ['', 'abc', '1.2.3', '1 Gi']) assert.throws(() => Quantity.parse(text), /quantities must match/, text);
  for (const text of ['1Kii', '1mi', '1e', '--1']) assert.throws(() => Quantity.parse(text), /unable to parse quantity's suffix/, text);
  assert.throws(() => Quantity.parse('1e999999999'), /numeric/);
});

test('arithmetic keeps the format of the first operand that isn’t zero', () => {
  assert.equal(Quantity.zero.add(Quantity.parse('1Gi')).toString(), '1Gi');
  assert.equal(Quantity.parse('1Gi').add(Quantity.parse('1000')).toString(), '1073742824');
  assert.equal(Quantity.parse('2').sub(Quantity.parse('500m')).toString(), '1500m');
  assert.equal(Quantity.parse('1500m').asNumber(), 2);
  assert.equal(Quantity.parse('1.0005').asMilli(), 1001);
});

test('canonical forms are stable, and compare as their numbers do', () => {
  const text = fc.tuple(
    fc.integer({ min: -1_000_000, max: 1_000_000 }),
    fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi'),
  );
  const join = ([number, suffix]: [number, string]) => `${number}${suffix}`;
  fc.assert(
    fc.property(text, text, (a, b) => {
      const once = canonicalQuantity(join(a));
      assert.equal(Quantity.parse(once).compare(Quantity.parse(join(a))), 0);
      assert.equal(compareQuantities(join(a), join(b)), -compareQuantities(join(b), join(a)) || 0);
      const sum = Quantity.parse(join(a)).add(Quantity.parse(join(b)));
      assert.equal(sum.sub(Quantity.parse(join(b))).compare(Quantity.parse(join(a))), 0);
    }),
  );
});
