import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { openArchive } from './archive-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'tiphys-archive-'));
after(() => rmSync(folder, { recursive: true }));
const written = (name: string, content: Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const text = async (archive: Promise<Readable>) => (await buffer(await archive)).toString();

test('files are unpacked by what is in them, not by their names', async () => {
  const plain = Buffer.from('as it is');
  assert.equal(await text(openArchive(written('plain', plain))), 'as it is');
  assert.equal(await text(openArchive(written('gzip.tar', gzipSync(plain)))), 'as it is');
  assert.equal(await text(openArchive(written('zstd', zstdCompressSync(plain)))), 'as it is');
  assert.equal(await text(openArchive(written('empty', Buffer.alloc(0)))), '');
  await assert.rejects(openArchive(written('image.xz', Buffer.from('fd377a585a000000', 'hex'))), /is packed with xz: unpack it first/);
  await assert.rejects(text(openArchive(written('cut', gzipSync(plain).subarray(0, 12)))), /unexpected end of file/);
  await assert.rejects(openArchive(join(folder, 'nothing')), /nothing: no such file or directory/);
});

test('a folder becomes a tar of what is in it', async () => {
  const layout = join(folder, 'layout');
  mkdirSync(layout);
  writeFileSync(join(layout, 'oci-layout'), '{}');
  assert.match(await text(openArchive(layout)), /^\.\/\0.*\.\/oci-layout\0/s);
});

/** As the Engine API answers GET /images/get. */
async function engine(socket: string) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    const name = new URL(request.url!, 'http://docker').searchParams.get('names');
    if (name === 'shop/web:1') return response.end('the archive');
    if (name === 'broken:latest') return response.writeHead(500).end('{"message":"open /var/lib: input/output error"}');
    return response.writeHead(404).end(JSON.stringify({ message: `reference does not exist: ${name}` }));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return { asked, close: () => new Promise((resolve) => server.close(resolve)) };
}

test('Docker is asked by its API, and what it says is passed on', async () => {
  const socket = join(folder, 'docker.sock');
  const host = `unix://${socket}`;
  await assert.rejects(
    openArchive('docker:shop/web:1', host),
    /Docker can't be reached at unix:.*docker\.sock: no Docker runs there \(DOCKER_HOST/,
  );
  const docker = await engine(socket);
  try {
    assert.equal(await text(openArchive('docker:shop/web:1', host)), 'the archive');
    await assert.rejects(openArchive('docker:absent', host), /Docker has no image absent:latest: reference does not exist: absent:latest/);
    await assert.rejects(openArchive('docker:broken', host), /does not give the image broken:latest: open \/var\/lib: input\/output error/);
    assert.deepEqual(docker.asked[0], '/images/get?names=shop%2Fweb%3A1');
  } finally {
    await docker.close();
  }
  await assert.rejects(openArchive('docker:NotLower', host), /repository name must be lowercase/);
  await assert.rejects(openArchive('docker:a', 'ssh://host'), /only unix:\/\/ and tcp:\/\/ are understood/);
});
