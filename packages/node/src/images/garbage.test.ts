import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToFree, complaintOf, imagesToRemove } from './garbage.ts';

test('nothing is freed below the higher threshold, and down to the lower one above it', () => {
  assert.equal(bytesToFree({ capacityBytes: 1000, availableBytes: 160 }), 0);
  assert.equal(bytesToFree({ capacityBytes: 1000, availableBytes: 150 }), 50);
  assert.equal(bytesToFree({ capacityBytes: 1000, availableBytes: 20 }), 180);
});

test('the longest unused go first; what is in use or young stays', () => {
  const now = 1_000_000;
  const image = (id: string, lastUsedMs: number) => ({ id, sizeBytes: 100, lastUsedMs });
  const images = [image('newer', 500_000), image('used', 1), image('oldest', 2), image('young', now - 1000), image('older', 3)];
  const ids = (toFree: number) => imagesToRemove(images, new Set(['used']), toFree, now).map(({ id }) => id);
  assert.deepEqual(ids(150), ['oldest', 'older']);
  assert.deepEqual(ids(10_000), ['oldest', 'older', 'newer']);
});

test('the complaint tells how full the disk is', () => {
  const disk = { capacityBytes: 3 * 1024 ** 3, availableBytes: 3 * 1024 ** 2 };
  assert.match(complaintOf(disk, 7), /\(100% of 3\.0 GiB used\)\. .*\(freed 7 bytes\)/);
});
