import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realRuntime } from '@tiphys/runtime';
import { forwarder, parseResolvers } from './forward.ts';

test('resolvers are read from resolv.conf', () => {
  assert.deepEqual(parseResolvers('# c\nnameserver 10.0.0.1\nsearch x\nnameserver fd00::1\nnameserver nonsense\n'), [
    '10.0.0.1',
    'fd00::1',
  ]);
});

test('a resolver to which there is no way is no answer, and no crash', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-dns-'));
  try {
    const resolvConf = join(folder, 'resolv.conf');
    // A UDP socket can't be connected to the broadcast address: the same failure as without a network.
    writeFileSync(resolvConf, 'nameserver 255.255.255.255\n');
    const { ask } = forwarder({ runtime: realRuntime(), resolvConf, exclude: [] });
    const query = Buffer.from('123401000001000000000000076578616d706c6503636f6d0000010001', 'hex');
    assert.equal(await ask(query, 'udp'), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
