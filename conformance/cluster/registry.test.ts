// The registry hands out what is in an archive, as a client that pulls asks for it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pack } from 'tar-stream';
import { indexImages, startRegistry } from './registry.ts';

async function archive(files: Record<string, Buffer>): Promise<Buffer> {
  const tar = pack();
  for (const [name, bytes] of Object.entries(files)) tar.entry({ name }, bytes);
  tar.finalize();
  return Buffer.concat(await Array.fromAsync(tar as AsyncIterable<Buffer>));
}

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

test('manifests by tag and by digest, blobs small and large, and a clear no for the rest', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-registry-'));
  try {
    const config = Buffer.from('{"os":"linux"}');
    const layer = Buffer.alloc(3_000_000, 'layer');
    const manifest = Buffer.from(JSON.stringify([{ Config: 'c.json', RepoTags: ['registry.example/a/b:1'], Layers: ['l/layer.tar'] }]));
    writeFileSync(join(folder, 'b.tar'), await archive({ 'c.json': config, 'l/layer.tar': layer, 'manifest.json': manifest }));
    const registry = await startRegistry(await indexImages(folder));
    try {
      const get = (path: string, method = 'GET') => fetch(`${registry.url}/v2/${path}`, { method });
      const byTag = await get('a/b/manifests/1');
      const text = await byTag.text();
      assert.equal(byTag.headers.get('docker-content-digest'), digestOf(Buffer.from(text)));
      const { config: c, layers } = JSON.parse(text);
      assert.deepEqual([c.digest, layers[0].digest], [digestOf(config), digestOf(layer)]);
      assert.deepEqual(Buffer.from(await (await get(`a/b/blobs/${c.digest}`)).arrayBuffer()), config);
      assert.deepEqual(Buffer.from(await (await get(`a/b/blobs/${layers[0].digest}`)).arrayBuffer()), layer);
      const head = await get(`a/b/manifests/${digestOf(Buffer.from(text))}`, 'HEAD');
      assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(text.length)]);
      const missing = (await (await get('a/b/manifests/2')).json()) as { errors: { code: string }[] };
      assert.equal(missing.errors[0]?.code, 'MANIFEST_UNKNOWN');
      assert.equal((await get('a/b/blobs/sha256:0')).status, 404);
      assert.equal((await get('a/b/manifests/1', 'PUT')).status, 405);
    } finally {
      await registry.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
