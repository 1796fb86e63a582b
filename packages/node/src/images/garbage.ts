// Makes room on the disk by removing images that nobody uses, longest unused first (pkg/kubelet/images/image_gc_manager.go).
// Unlike upstream only images that this node pulled: one that was loaded from a file can't be had again.
import { statfs } from 'node:fs/promises';
import type { CriClient } from '../cri/client.ts';

const HIGH_PERCENT = 85;
const LOW_PERCENT = 80;
const AGE_MS_MIN = 2 * 60_000;

export interface Disk {
  capacityBytes: number;
  availableBytes: number;
}

export interface PulledUse {
  id: string;
  sizeBytes: number;
  lastUsedMs: number;
}

const usedPercent = ({ capacityBytes, availableBytes }: Disk): number => 100 - Math.floor((availableBytes * 100) / capacityBytes);

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'];

function sizeText(bytes: number): string {
  const step = Math.min(UNITS.length, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  return step === 0 ? `${bytes} B` : `${(bytes / 1024 ** step).toFixed(1)} ${UNITS[step - 1]}`;
}

/** What an event says when the images that could go were not enough. */
export const complaintOf = (disk: Disk, freedBytes: number): string =>
  `Insufficient free disk space on the node's image filesystem (${usedPercent(disk)}% of ${sizeText(disk.capacityBytes)} used). ` +
  `Failed to free sufficient space by deleting unused images (freed ${freedBytes} bytes). ` +
  'Investigate disk usage, as it could be used by active images, logs, volumes, or other data.';

/** Bytes to free so that the disk is no fuller than the lower threshold; zero below the higher one. */
export function bytesToFree(disk: Disk): number {
  const { capacityBytes, availableBytes } = disk;
  if (capacityBytes === 0 || usedPercent(disk) < HIGH_PERCENT) return 0;
  return Math.floor((capacityBytes * (100 - LOW_PERCENT)) / 100) - availableBytes;
}

/** Ids to remove, in order. */
export function imagesToRemove(images: readonly PulledUse[], inUse: ReadonlySet<string>, toFree: number, nowMs: number): PulledUse[] {
  const chosen: PulledUse[] = [];
  let freed = 0;
  for (const image of images.toSorted((a, b) => a.lastUsedMs - b.lastUsedMs)) {
    if (freed >= toFree) break;
    if (inUse.has(image.id) || nowMs - image.lastUsedMs < AGE_MS_MIN) continue;
    chosen.push(image);
    freed += image.sizeBytes;
  }
  return chosen;
}

export interface GarbageOptions {
  cri: CriClient;
  /** Where images lie. */
  directory: string;
  pulled: ReadonlyMap<string, { lastUsedMs: number }>;
  /** Images that containers and volumes of the node's pods want. */
  wanted: ReadonlySet<string>;
  nowMs: number;
}

/** Removes images that nobody uses until so many bytes are freed; answers how many were. */
export async function removeUnusedImages({ cri, pulled, wanted, nowMs }: GarbageOptions, toFree: number): Promise<number> {
  const inUse = new Set((await cri.listContainers()).map(({ imageRef, image }) => imageRef || image?.image || ''));
  for (const name of wanted) inUse.add((await cri.imageStatus(name))?.id ?? name);
  const images = (await cri.listImages()).flatMap(({ id = '', size = 0, pinned }) => {
    const known = pulled.get(id);
    return known && !pinned ? [{ id, sizeBytes: size, lastUsedMs: known.lastUsedMs }] : [];
  });
  let freed = 0;
  for (const { id, sizeBytes } of imagesToRemove(images, inUse, toFree, nowMs)) {
    await cri.removeImage(id);
    freed += sizeBytes;
  }
  return freed;
}

/** Removes what has to go; answers the complaint when that was not enough. */
export async function collectImages(options: GarbageOptions): Promise<string | undefined> {
  const disk = await statfs(options.directory);
  const usage = { capacityBytes: disk.blocks * disk.bsize, availableBytes: disk.bavail * disk.bsize };
  const toFree = bytesToFree(usage);
  if (toFree <= 0) return undefined;
  const freed = await removeUnusedImages(options, toFree);
  if (freed >= toFree) return undefined;
  return complaintOf(usage, freed);
}
