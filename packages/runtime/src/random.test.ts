import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Random, realRandom, seededRandom } from './random.ts';

const draw = (random: Random) => [random.number(), random.uuid(), random.suffix(5), Buffer.from(random.bytes(40)).toString('hex')];

test('the same seed gives the same chance, another seed another', () => {
  assert.deepEqual(draw(seededRandom(7)), draw(seededRandom(7)));
  assert.notDeepEqual(draw(seededRandom(7)), draw(seededRandom(8)));
});

test('draws have their shape, whatever the seed', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 10_000 }), (seed, length) => {
      const random = seededRandom(seed);
      const number = random.number();
      assert.ok(number >= 0 && number < 1);
      assert.match(random.uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.match(random.suffix(5), /^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      assert.equal(random.bytes(length).length, length);
    }),
    { numRuns: 50 },
  );
});

test("real draws don't repeat, and earlier ones stay as they were", () => {
  const random = realRandom();
  const first = random.bytes(32);
  const copy = Buffer.from(first);
  const seen = new Set(Array.from({ length: 2000 }, () => random.uuid()));
  assert.equal(seen.size, 2000);
  assert.deepEqual(Buffer.from(first), copy);
  assert.equal(random.bytes(10_000).length, 10_000);
});
