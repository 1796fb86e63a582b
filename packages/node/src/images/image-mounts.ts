// Mounts images as volumes (KEP-4639). CRI can do it from containerd 2.1 on; `ctr images mount` can with every containerd: it makes a
// view of the image's layers, and a lease that keeps it. Images in use must not be removed meanwhile.
import { mkdir } from 'node:fs/promises';
import { mountsBelow, unmount } from '../volumes/mounts.ts';
import { ctr, type ImageTarget } from './import.ts';

export interface ImageMounts {
  /** Mounts the image, which must be here, unless something is mounted there already. */
  mount(image: string, path: string): Promise<void>;
  unmount(path: string): Promise<void>;
}

export function imageMounts(target: ImageTarget): ImageMounts {
  const mounting = new Map<string, Promise<void>>();
  const mountOnce = async (image: string, path: string) => {
    await mkdir(path, { recursive: true, mode: 0o755 });
    if ((await mountsBelow(path)).includes(path)) return;
    await ctr(target, ['images', 'mount', '--snapshotter', target.snapshotter, image, path]);
  };
  return {
    mount: (image, path) => {
      // Several containers of a pod may start with the same volume.
      const running = mounting.get(path) ?? mountOnce(image, path).finally(() => mounting.delete(path));
      mounting.set(path, running);
      return running;
    },
    unmount: async (path) => {
      if ((await mountsBelow(path)).includes(path)) await unmount(path);
      // The view and its lease: without them containerd's own collection of garbage takes a day.
      await ctr(target, ['images', 'unmount', '--rm', path]).catch(() => ctr(target, ['snapshots', 'remove', path]).catch(() => {}));
    },
  };
}
