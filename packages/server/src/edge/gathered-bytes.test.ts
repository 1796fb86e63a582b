import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatheredBytes } from './gathered-bytes.ts';

test('what comes in pieces is what was sent, and is given once', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20_000 }), { maxLength: 20 }), (pieces) => {
      const gathered = new GatheredBytes();
      for (const piece of pieces) gathered.add(piece);
      const whole = Buffer.concat(pieces);
      assert.deepEqual(Buffer.from(gathered.take() ?? []), whole);
      assert.equal(gathered.take(), undefined);
    }),
    { numRuns: 50 },
  );
});
