// startCluster() as tests use it: simulated, in this process or in a child whose end is watched.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { corev1 } from '@tiphys/api';
import { clientFromKubeconfig } from '@tiphys/client';
import { ConfigurationError, startCluster } from './index.ts';

const run = promisify(execFile);
const END_MS_MAX = 60_000;

function scratch(): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'tiphys-start-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

const isListening = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

test('a program that closes its cluster ends by itself and leaves nothing behind', async () => {
  using folder = scratch();
  const entry = fileURLToPath(new URL('./index.ts', import.meta.url));
  const program = `
    import { startCluster } from ${JSON.stringify(entry)};
    const { existsSync } = await import('node:fs');
    let kubeconfig;
    {
      await using cluster = await startCluster({ runtime: 'simulated' });
      kubeconfig = cluster.kubeconfig;
      console.log(new URL(cluster.url).port, existsSync(kubeconfig));
    }
    console.log(existsSync(kubeconfig), process.getActiveResourcesInfo().includes('Timeout'));
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, TMPDIR: folder.path },
    // A handle that is left open would hold the process for ever.
    timeout: END_MS_MAX,
  });
  const [[port, wasThere], [isThere, hasTimers]] = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ')) as [string[], string[]];
  assert.deepEqual({ wasThere, isThere, hasTimers }, { wasThere: 'true', isThere: 'false', hasTimers: 'false' });
  assert.equal(await isListening(Number(port)), false);
  assert.deepEqual(readdirSync(folder.path), []);
});

test('a program that ends without closing its cluster leaves no file either', async () => {
  using folder = scratch();
  const entry = fileURLToPath(new URL('./index.ts', import.meta.url));
  const program = `
    import { startCluster } from ${JSON.stringify(entry)};
    const cluster = await startCluster({ runtime: 'none' });
    process.exit(0);
  `;
  await run(process.execPath, ['--input-type=module', '-e', program], { env: { ...process.env, TMPDIR: folder.path } });
  assert.deepEqual(readdirSync(folder.path), []);
});

test('two clusters side by side in one process know nothing of each other', async () => {
  await using first = await startCluster({ runtime: 'none' });
  await using second = await startCluster({ runtime: 'none' });
  assert.notEqual(first.url, second.url);
  const object: corev1.ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine', namespace: 'default' } };
  await first.client.of(corev1.configmaps).create(object);
  await assert.rejects(second.client.of(corev1.configmaps).get('mine', 'default'), /configmaps "mine" not found/);
  const client = clientFromKubeconfig({ path: second.kubeconfig });
  await client.of(corev1.configmaps).create({ ...object, data: { of: 'second' } });
  await client.close();
  assert.equal((await first.client.of(corev1.configmaps).get('mine', 'default')).data, undefined);
});

test('a folder keeps the state for the next start, and has room for one cluster', async () => {
  using folder = scratch();
  const options = { directory: join(folder.path, 'data'), runtime: 'none' as const, port: 0 };
  const object: corev1.ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept', namespace: 'default' } };
  {
    await using cluster = await startCluster(options);
    const { metadata } = await cluster.client.of(corev1.configmaps).create(object);
    object.metadata = metadata!;
    const refusal = new RegExp(`^a cluster already runs on .*/data \\(process ${process.pid}, ${cluster.url}\\)`);
    await assert.rejects(startCluster(options), (error: Error) => error instanceof ConfigurationError && refusal.test(error.message));
  }
  assert.equal(existsSync(join(options.directory, 'process.json')), false);
  await using again = await startCluster(options);
  assert.deepEqual((await again.client.of(corev1.configmaps).get('kept', 'default')).metadata, object.metadata);
});

test('a port in use is named, and nothing is left of the start', async () => {
  using folder = scratch();
  await using cluster = await startCluster({ runtime: 'none' });
  const port = Number(new URL(cluster.url).port);
  const options = { directory: join(folder.path, 'data'), runtime: 'simulated' as const, port };
  await assert.rejects(startCluster(options), {
    name: 'ConfigurationError',
    message: `port ${port} is in use by another program; end that program, or choose another with --port (0 takes a free one)`,
  });
  assert.equal(existsSync(join(options.directory, 'process.json')), false);
  await using second = await startCluster({ ...options, port: 0 });
  assert.notEqual(second.url, cluster.url);
});
