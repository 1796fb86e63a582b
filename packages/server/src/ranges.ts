// The records of what is allocated of a range, beside the objects in the store (registry/core/service/allocator/storage/storage.go).
// Upstream's kube-apiserver reads and writes the same ones.
import { type corev1, decodeProtobuf, isProtobuf } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';
import type { ObjectOperations } from '@tiphys/registry';
import type { StoredRecord } from '@tiphys/storage';
import type { Core } from './request/context.ts';
import { commit } from './verbs/write.ts';

/** Tries against other servers; those of this one wait for each other. */
export const RANGE_ATTEMPTS_MAX = 16;
const FOLDER = '/registry/ranges/';

function decoded({ value }: StoredRecord): corev1.RangeAllocation {
  return isProtobuf(value) ? decodeProtobuf<corev1.RangeAllocation>(value) : JSON.parse(Buffer.from(value).toString('utf8'));
}

export function rangeRecords(core: () => Core): ObjectOperations['updateRange'] {
  const waiting = new Map<string, Promise<void>>();
  const update: ObjectOperations['updateRange'] = async (name, change) => {
    const key = FOLDER + name;
    for (let attempt = 0; attempt < RANGE_ATTEMPTS_MAX; attempt++) {
      const record = await core().store.get(key);
      const next = change(record && decoded(record));
      if (!next) return;
      const value = Buffer.from(JSON.stringify(next));
      const { ok } = await commit(core(), { type: 'put', key, value, expectedRevision: record?.modRevision ?? 0 });
      if (ok) return;
    }
    throw statusError.conflict({ group: '', resource: 'rangeallocations' }, name, 'the provided resource version does not match');
  };
  return (name, change) => {
    const done = (waiting.get(name) ?? Promise.resolve()).then(() => update(name, change));
    waiting.set(
      name,
      done.catch(() => undefined),
    );
    return done;
  };
}
