// A small registry that serves image archives from a folder, read only, so that tests which pull find upstream's images without a
// network. Follows the pull part of the OCI distribution specification 1.1 (https://github.com/opencontainers/distribution-spec).
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { extract } from 'tar-stream';

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const CONFIGURATION = 'application/vnd.docker.container.image.v1+json';
const LAYER = 'application/vnd.docker.image.rootfs.diff.tar';

/** Some bytes of an archive: kept when small, else where they lie in the file. */
type Blob = { type: string; size: number } & ({ bytes: Buffer } | { file: string; offset: number });

/** `name:tag` and digests of manifests, and digests of everything. */
export interface ImageIndex {
  tags: Map<string, string>;
  blobs: Map<string, Blob>;
}

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const KEPT_BYTES_MAX = 1 << 20;

interface Entry {
  digest: string;
  size: number;
  offset: number;
  /** Of small files only. */
  bytes?: Buffer;
}

/** What lies in a tar file, digested on the way and not kept. */
async function entriesOf(file: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  const reader = createReadStream(file).pipe(extract());
  for await (const entry of reader) {
    const hash = createHash('sha256');
    const kept: Buffer[] = [];
    const size = entry.header.size ?? 0;
    for await (const chunk of entry as AsyncIterable<Buffer>) {
      hash.update(chunk);
      if (size <= KEPT_BYTES_MAX) kept.push(chunk);
    }
    const bytes = size <= KEPT_BYTES_MAX ? { bytes: Buffer.concat(kept) } : {};
    const { byteOffset: offset } = entry.header as typeof entry.header & { byteOffset: number };
    entries.set(entry.header.name, { digest: `sha256:${hash.digest('hex')}`, size, offset, ...bytes });
  }
  return entries;
}

/** `registry.example/a/b:c` without its registry, which is what a mirror is asked for. */
function pathOf(reference: string): string {
  const [first, ...rest] = reference.split('/');
  return rest.length > 0 && /[.:]|^localhost$/.test(first!) ? rest.join('/') : reference;
}

/** Reads every archive (`docker save` form) of a folder once. */
export async function indexImages(folder: string): Promise<ImageIndex> {
  const index: ImageIndex = { tags: new Map(), blobs: new Map() };
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.tar'))) {
    const file = join(folder, name);
    const entries = await entriesOf(file);
    const list = entries.get('manifest.json')?.bytes;
    if (!list) throw new Error(`${file} has no manifest.json: it is no image archive`);
    const blob = (path: string, type: string) => {
      const entry = entries.get(path);
      if (!entry) throw new Error(`${file} lacks ${path}`);
      const place = entry.bytes ? { bytes: entry.bytes } : { file, offset: entry.offset };
      index.blobs.set(entry.digest, { type, size: entry.size, ...place });
      return { mediaType: type, digest: entry.digest, size: entry.size };
    };
    for (const image of JSON.parse(list.toString()) as { Config: string; Layers: string[]; RepoTags: string[] }[]) {
      const config = blob(image.Config, CONFIGURATION);
      const layers = image.Layers.map((layer) => blob(layer, LAYER));
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers }));
      index.blobs.set(digestOf(bytes), { type: MANIFEST, size: bytes.length, bytes });
      for (const tag of image.RepoTags) index.tags.set(pathOf(tag), digestOf(bytes));
    }
  }
  return index;
}

const refuse = (response: ServerResponse, status: number, code: string, message: string) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ errors: [{ code, message }] }));

function answer(index: ImageIndex, request: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent(new URL(request.url ?? '/', 'http://registry').pathname);
  if (request.method !== 'GET' && request.method !== 'HEAD') return void refuse(response, 405, 'UNSUPPORTED', 'this registry is read only');
  if (path === '/v2/' || path === '/v2') return void response.writeHead(200, { 'docker-distribution-api-version': 'registry/2.0' }).end();
  const [, name, kind, reference] = path.match(/^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/) ?? [];
  if (!name || !reference) return void refuse(response, 404, 'NAME_UNKNOWN', path);
  const digest = reference.startsWith('sha256:') ? reference : index.tags.get(`${name}:${reference}`);
  const blob = digest === undefined ? undefined : index.blobs.get(digest);
  if (!digest || !blob)
    return void refuse(response, 404, kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN', `${name} ${reference}`);
  response.writeHead(200, { 'content-type': blob.type, 'content-length': blob.size, 'docker-content-digest': digest });
  if (request.method === 'HEAD') response.end();
  else if ('bytes' in blob) response.end(blob.bytes);
  else
    createReadStream(blob.file, { start: blob.offset, end: blob.offset + blob.size - 1 })
      .on('error', () => response.destroy())
      .pipe(response);
}

export interface Registry {
  /** Such as `http://127.0.0.1:40000`. */
  url: string;
  close(): Promise<void>;
}

/** Serves on a free port, by default of the loopback. */
export async function startRegistry(index: ImageIndex, host = '127.0.0.1'): Promise<Registry> {
  const server = createServer((request, response) => answer(index, request, response));
  await new Promise<void>((settle, fail) => server.once('error', fail).listen(0, host, settle));
  const close = () =>
    new Promise<void>((settle) => {
      server.close(() => settle());
      server.closeAllConnections();
    });
  return { url: `http://${host}:${(server.address() as AddressInfo).port}`, close };
}
