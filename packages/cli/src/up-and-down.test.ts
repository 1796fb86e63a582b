// The command in processes of its own: a detached cluster, what is said about it, and its end without a trace.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const home = mkdtempSync(join(tmpdir(), 'tiphys-home-'));
const data = join(home, 'data');
after(() => rmSync(home, { recursive: true, force: true }));

function tiphys(...args: string[]) {
  const { KUBECONFIG: _, ...rest } = process.env;
  const environment = { ...rest, HOME: home, TIPHYS_DATA_DIR: data };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    env: environment,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

test('up --detach, a second up, status, get, down', { timeout: 240_000 }, () => {
  try {
    const up = tiphys('up', '--detach', '--runtime', 'simulated', '--port', '0');
    assert.equal(up.code, 0, up.err);
    assert.match(up.err, /The cluster is ready at https:\/\/127\.0\.0\.1:\d+/);
    const second = tiphys('up', '--runtime', 'simulated', '--port', '0');
    assert.equal(second.code, 1);
    assert.match(second.err, /^error: a cluster already runs on /);
    const status = tiphys('status');
    assert.match(status.out, /nodes: {6}1 of 1 Ready/);
    assert.match(tiphys('get', 'nodes', '-o', 'name').out, /^node\/\S+\n$/);
    assert.match(readFileSync(join(home, '.kube', 'config'), 'utf8'), /current-context: "?tiphys/);
    const file = join(home, 'state.backup');
    assert.match(tiphys('backup', file).err, /state\.backup: \d+ records at revision \d+, \d+\.\d MiB, sha256 [0-9a-f]{64}\n$/);
    assert.match(tiphys('restore', file).err, /records are there at revision \d+: \d+ written, \d+ deleted\n$/);
    assert.match(tiphys('restore', join(home, 'none')).err, /^error: .*none can't be read: ENOENT/m);
    assert.equal(tiphys('image', 'list').err.startsWith(`error: the cluster in ${data} runs no real containers`), true);
  } finally {
    assert.equal(tiphys('down').code, 0);
  }
  assert.equal(existsSync(data), false);
  assert.equal(existsSync(join(home, '.kube')), false);
  assert.equal(tiphys('status').code, 1);
});

test('a folder that is not ours, a wrong flag and an unknown command are refused', () => {
  const other = join(home, 'other');
  mkdirSync(join(other, 'thing'), { recursive: true });
  assert.match(tiphys('up', '--data-dir', other).err, /is not empty and not a Tiphys data folder/);
  assert.match(tiphys('up', '--port', 'x').err, /must be a whole number/);
  assert.equal(
    tiphys('up', '--config', 'nothing.yaml').err,
    'error: nothing.yaml: no such file\n'.replace('nothing.yaml', join(process.cwd(), 'nothing.yaml')),
  );
  assert.equal(tiphys('nonsense').code, 1);
  assert.equal(tiphys('--help').code, 0);
});
