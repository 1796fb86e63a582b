// Builds OCI images as archives (opencontainers image-spec: layout, manifest, config) from layers in memory.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface LayerFile {
  /** Path inside the image, without a leading slash. */
  path: string;
  type: 'file' | 'directory' | 'symlink';
  mode: number;
  content?: Uint8Array;
  target?: string;
  uid?: number;
  gid?: number;
}

export interface ImageConfiguration {
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  User?: string;
  WorkingDir?: string;
  ExposedPorts?: Record<string, object>;
  Labels?: Record<string, string>;
  StopSignal?: string;
}

export interface Layer {
  /** As it is stored. */
  blob: Uint8Array;
  mediaType: string;
  /** Digest of the tar itself. */
  diffId: string;
}

export interface ImageParts {
  name: string;
  architecture: string;
  configuration: ImageConfiguration;
  layers: Layer[];
}

const GZIP_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const json = (value: object) => Buffer.from(JSON.stringify(value));

async function tarOf(fill: (tar: ReturnType<typeof pack>) => void): Promise<Buffer> {
  const tar = pack();
  const chunks: Buffer[] = [];
  const done = new Promise<Buffer>((resolve, reject) => {
    tar.on('data', (chunk) => chunks.push(chunk as Buffer));
    tar.on('end', () => resolve(Buffer.concat(chunks)));
    tar.on('error', reject);
  });
  fill(tar);
  tar.finalize();
  return done;
}

/** All times are zero, so that the same files make the same digest. */
export async function layerOf(files: readonly LayerFile[]): Promise<Layer> {
  const tar = await tarOf((stream) => {
    for (const file of files) {
      const common = { name: file.path, mode: file.mode, uid: file.uid ?? 0, gid: file.gid ?? 0, mtime: new Date(0) };
      if (file.type === 'file') stream.entry({ ...common, type: 'file' }, Buffer.from(file.content ?? []));
      else if (file.type === 'directory') stream.entry({ ...common, type: 'directory' });
      else stream.entry({ ...common, type: 'symlink', linkname: file.target! });
    }
  });
  return { blob: gzipSync(tar, { level: 6 }), mediaType: GZIP_LAYER, diffId: digestOf(tar) };
}

/** An OCI layout as one tar that `ctr images import` and `docker load` read. */
export async function ociArchive(image: ImageParts): Promise<Buffer> {
  const blobs = new Map<string, Uint8Array>();
  const store = (bytes: Uint8Array, mediaType: string) => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const config = store(
    json({
      architecture: image.architecture,
      os: 'linux',
      config: image.configuration,
      rootfs: { type: 'layers', diff_ids: image.layers.map((layer) => layer.diffId) },
      history: image.layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'tiphys image pack' })),
    }),
    'application/vnd.oci.image.config.v1+json',
  );
  const layers = image.layers.map((layer) => store(layer.blob, layer.mediaType));
  const manifest = store(
    json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers }),
    'application/vnd.oci.image.manifest.v1+json',
  );
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        ...manifest,
        platform: { architecture: image.architecture, os: 'linux' },
        annotations: { 'io.containerd.image.name': image.name, 'org.opencontainers.image.ref.name': image.name },
      },
    ],
  };
  return tarOf((stream) => {
    stream.entry({ name: 'oci-layout', mtime: new Date(0) }, JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    stream.entry({ name: 'index.json', mtime: new Date(0) }, JSON.stringify(index));
    for (const [digest, bytes] of blobs) {
      stream.entry({ name: `blobs/${digest.replace(':', '/')}`, mtime: new Date(0) }, Buffer.from(bytes));
    }
  });
}
