import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { seededRandom, silentLogger, virtualClock } from '@tiphys/runtime';
import { type ClusterKeys, clusterKeys, memoryKeyFiles } from './cluster-keys.ts';
import { keepCertificatesFresh, RENEWAL_INTERVAL_MS } from './renewal.ts';

const DAY_MS = 86_400_000;
const endOf = ({ server }: ClusterKeys) => Date.parse(new X509Certificate(server.certificatePem).validTo);

test('certificates are renewed before they end, and those that have time stay', async () => {
  const clock = virtualClock();
  const runtime = { clock, random: seededRandom(1), log: silentLogger };
  const files = memoryKeyFiles();
  const current = () => clusterKeys(runtime, files, ['localhost']);
  const first = current();
  const renewed: ClusterKeys[] = [];
  const { stop } = keepCertificatesFresh({ runtime, keys: first, current, onRenewed: (keys) => void renewed.push(keys) });
  await clock.advance(300 * DAY_MS);
  assert.equal(renewed.length, 0);
  await clock.advance(60 * DAY_MS);
  assert.equal(renewed.length, 1);
  assert.ok(endOf(first) > clock.now(), 'in time');
  assert.ok(endOf(renewed[0]!) > endOf(first));
  assert.equal(renewed[0]!.authority.certificatePem, first.authority.certificatePem);
  assert.notEqual(renewed[0]!.kubeletClient.certificatePem, first.kubeletClient.certificatePem);
  stop();
  await clock.advance(2 * RENEWAL_INTERVAL_MS);
  assert.equal(clock.pending(), 0);
});

test('a renewal that fails is tried again', async () => {
  const clock = virtualClock();
  const runtime = { clock, random: seededRandom(1), log: silentLogger };
  const keys = clusterKeys(runtime, memoryKeyFiles(), []);
  let looks = 0;
  const current = () => {
    looks++;
    if (looks === 1) throw new Error('no space left');
    return clusterKeys(runtime, memoryKeyFiles(), []);
  };
  const renewed: ClusterKeys[] = [];
  const { stop } = keepCertificatesFresh({ runtime, keys, current, onRenewed: (fresh) => void renewed.push(fresh) });
  await clock.advance(2 * RENEWAL_INTERVAL_MS);
  assert.equal(renewed.length, 1);
  stop();
});

test('after the clock was set, certificates that have ended by it are renewed at once', () => {
  const clock = virtualClock();
  const runtime = { clock, random: seededRandom(1), log: silentLogger };
  const files = memoryKeyFiles();
  const current = () => clusterKeys(runtime, files, []);
  const renewed: ClusterKeys[] = [];
  const { look, stop } = keepCertificatesFresh({ runtime, keys: current(), current, onRenewed: (fresh) => void renewed.push(fresh) });
  clock.jump(400 * DAY_MS);
  look();
  assert.equal(renewed.length, 1);
  assert.ok(endOf(renewed[0]!) > clock.now());
  assert.equal(clock.pending(), 1);
  stop();
});
