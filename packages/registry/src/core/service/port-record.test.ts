import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { portsOfRecord, recordOfPorts } from './port-record.ts';

test('the record is upstream’s: one large number, with a bit for each port', () => {
  assert.deepEqual(recordOfPorts(new Set([30000, 30009]), 30000, 32767), {
    kind: 'RangeAllocation',
    apiVersion: 'v1',
    metadata: {},
    range: '30000-32767',
    data: Buffer.from([0b10, 0b1]).toString('base64'),
  });
  assert.equal(recordOfPorts(new Set(), 30000, 32767).data, '');
  assert.deepEqual(portsOfRecord({ range: '30000-30001', data: 'AQ==' }, 30000, 32767), new Set());
});

test('what goes in comes out', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 30000, max: 32767 })), (ports) => {
      assert.deepEqual(portsOfRecord(recordOfPorts(new Set(ports), 30000, 32767), 30000, 32767), new Set(ports));
    }),
  );
});
