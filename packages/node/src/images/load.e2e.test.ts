// Images brought into a real containerd: from files, packed files, folders and Docker, with and without names, whole and cut.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { realRuntime } from '@tiphys/runtime';
import { reasonToSkip } from '../../test/real-node.ts';
import { type Containerd, startContainerd } from '../containerd/daemon.ts';
import { type ImageTarget, loadImage } from './import.ts';
import { packArchive, packImage } from './pack.ts';

const NAME = 'test.local/load:1';

describe('loading images', { skip: await reasonToSkip() }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'tiphys-load-'));
  const file = join(directory, 'image.tar');
  const layout = join(directory, 'layout');
  let containerd: Containerd;
  let target: ImageTarget;
  let archive: Buffer;
  before(async () => {
    containerd = await startContainerd({ runtime: realRuntime(), directory });
    target = { socket: containerd.socket, snapshotter: containerd.facts.snapshotter, majorVersion: containerd.facts.majorVersion };
    // Bytes that can't be packed, so that half of the file is half of the image.
    const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * index * 2654435761) >>> 13));
    writeFileSync(join(directory, 'data'), content);
    const copies = [{ source: join(directory, 'data'), destination: '/data' }];
    archive = Buffer.from(await packArchive({ name: NAME, base: 'scratch', copies }, undefined));
    writeFileSync(file, archive);
    mkdirSync(layout);
    execFileSync('tar', ['-C', layout, '-xf', file]);
  });
  after(async () => {
    await containerd?.stop();
    rmSync(directory, { recursive: true });
  });
  const isThere = async (name: string) => (await containerd.cri.imageStatus(name)) !== undefined;
  const renamed = (annotations: Record<string, string>) => {
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
    index.manifests[0].annotations = annotations;
    writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
  };

  test('from a file, a packed file and the folder of a layout', async () => {
    assert.deepEqual(await loadImage(target, file), [NAME]);
    writeFileSync(`${file}.gz`, gzipSync(archive));
    assert.deepEqual(await loadImage(target, `${file}.gz`), [NAME]);
    assert.deepEqual(await loadImage(target, layout), [NAME]);
    assert.ok(await isThere(NAME));
  });

  test('from Docker', async () => {
    const server = createServer((_request, response) => response.end(archive));
    const socket = join(directory, 'docker.sock');
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      assert.deepEqual(await loadImage(target, `docker:${NAME}`, { dockerHost: `unix://${socket}` }), [NAME]);
    } finally {
      server.close();
    }
    await assert.rejects(loadImage(target, `docker:${NAME}`, { dockerHost: `unix://${socket}` }), /Docker can't be reached/);
  });

  test('what does not say its name is named by hand', async () => {
    for (const tag of [undefined, 'v1']) {
      renamed(tag === undefined ? {} : { 'org.opencontainers.image.ref.name': tag });
      await assert.rejects(loadImage(target, layout), /does not say what its image is called: name it with --name/);
      assert.deepEqual(await loadImage(target, layout, { name: 'shop/web' }), ['docker.io/shop/web:latest']);
    }
    assert.ok(await isThere('shop/web'));
    assert.deepEqual(
      (await containerd.cri.listImages()).flatMap(({ repoTags = [] }) => repoTags).filter((name) => name.includes('import-')),
      [],
    );
  });

  test('half an image and no image at all', async () => {
    writeFileSync(file, archive.subarray(0, archive.length / 2));
    await assert.rejects(loadImage(target, file), /image\.tar: this is no image, or not all of one: .*unexpected EOF/);
    writeFileSync(file, 'Dear reader, this is a letter.'.repeat(100));
    await assert.rejects(loadImage(target, file), /image\.tar: this is no image, or not all of one: docker save/);
  });

  test('on top of an image that containerd has', async () => {
    const copies = [{ source: join(directory, 'data'), destination: '/more' }];
    assert.deepEqual(await packImage(target, { name: 'shop/more:1', base: NAME, copies }), ['docker.io/shop/more:1']);
    await assert.rejects(packImage(target, { name: 'shop/more:1', base: 'shop/absent:1', copies }), /shop\/absent:1/);
  });
});
