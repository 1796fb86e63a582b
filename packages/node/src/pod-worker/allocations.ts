// Remembers what pods were given and what their containers run with, across restarts of the node
// (pkg/kubelet/allocation/state: allocated_pods_state, actuated_pods_state; here one file in each pod's folder).
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodResources } from './resources.ts';

export interface PodAllocation {
  /** What the node has agreed to. */
  allocated: PodResources;
  /** What containers were started or updated with. */
  actuated: PodResources;
}

export interface Allocations {
  get(podUid: string): PodAllocation | undefined;
  set(podUid: string, allocation: PodAllocation): void;
  /** Resolves when everything is on disk. */
  saved(podUid: string): Promise<void>;
  forget(podUid: string): void;
}

const FILE = 'resources.json';

/** `directory` holds a folder per pod. */
export async function openAllocations(directory: string, onError: (error: unknown) => void): Promise<Allocations> {
  const known = new Map<string, PodAllocation>();
  const writing = new Map<string, Promise<void>>();
  for (const uid of await readdir(directory).catch(() => [])) {
    const text = await readFile(join(directory, uid, FILE), 'utf8').catch(() => '');
    try {
      if (text) known.set(uid, JSON.parse(text) as PodAllocation);
    } catch (error) {
      onError(error);
    }
  }
  const save = async (uid: string) => {
    const path = join(directory, uid, FILE);
    // Renamed into place: a crash must not leave half a file.
    await writeFile(`${path}.new`, JSON.stringify(known.get(uid)));
    await rename(`${path}.new`, path);
  };
  return {
    get: (uid) => known.get(uid),
    set: (uid, allocation) => {
      known.set(uid, allocation);
      const before = writing.get(uid) ?? Promise.resolve();
      // The folder of a pod that is ending may be gone already.
      const next = before
        .then(() => (known.has(uid) ? save(uid) : undefined))
        .catch((error) => {
          if (error.code !== 'ENOENT') onError(error);
        });
      writing.set(uid, next);
    },
    saved: async (uid) => {
      await writing.get(uid);
    },
    forget: (uid) => {
      known.delete(uid);
      writing.delete(uid);
    },
  };
}
