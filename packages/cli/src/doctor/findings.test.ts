import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MachineFacts, machineFindings } from './findings.ts';

const GOOD: MachineFacts = {
  platform: 'linux',
  nodeVersion: '26.1.0',
  cgroups: { version: 2, controllers: ['cpu', 'cpuset', 'io', 'memory', 'pids'] },
  programs: { containerd: 'containerd 1.6.20', runc: 'runc version 1.1.5' },
  inotify: { instances: 512, watches: 65_536 },
  disk: { path: '/var/lib', freeBytes: 50 * 2 ** 30, totalBytes: 100 * 2 ** 30 },
  memoryAvailableBytes: 2 ** 31,
  portsTaken: [],
};

const problems = (facts: Partial<MachineFacts>) =>
  machineFindings({ ...GOOD, ...facts })
    .filter(({ ok }) => !ok)
    .map(({ name, severity, fix }) => [name, severity, Boolean(fix)]);

test('a machine with everything has no problems', () => assert.deepEqual(problems({}), []));

test('what real containers need is essential, and each problem has a remedy', () => {
  assert.deepEqual(problems({ cgroups: undefined }), [['cgroups', 'fail', true]]);
  assert.deepEqual(problems({ cgroups: { version: 1, controllers: ['cpu', 'memory'] } }), [['cgroups', 'fail', true]]);
  assert.deepEqual(problems({ programs: { containerd: undefined, runc: undefined } }), [
    ['containerd', 'fail', true],
    ['runc', 'fail', true],
  ]);
  assert.deepEqual(problems({ portsTaken: [6443] }), [['ports', 'fail', true]]);
  assert.deepEqual(problems({ nodeVersion: '24.0.0' }), [['node', 'fail', true]]);
});

test('what only costs something is a warning', () => {
  assert.deepEqual(problems({ inotify: { instances: 128, watches: 8192 } }), [
    ['inotify-instances', 'warning', true],
    ['inotify-watches', 'warning', true],
  ]);
  assert.deepEqual(problems({ disk: { ...GOOD.disk, freeBytes: 5 * 2 ** 30 } }), [['disk', 'warning', true]]);
  assert.deepEqual(problems({ disk: { ...GOOD.disk, freeBytes: 2 ** 29 } }), [['disk', 'fail', true]]);
});
