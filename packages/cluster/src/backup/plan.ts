// What has to be written so that a store holds what a backup holds.
import type { StoredRecord, StoreOperation } from '@tiphys/storage';
import { PUBLISHED_AUTHORITY_KEY } from '../shared-keys.ts';

/** Who is there right now belongs to the running servers, not to the state that is restored. */
const OF_THE_RUNNING: readonly string[] = [
  '/registry/masterleases/',
  '/registry/peerserverleases/',
  '/registry/leases/kube-system/kube-controller-manager',
  '/registry/leases/kube-system/kube-scheduler',
  '/registry/leases/kube-system/apiserver-',
  // Of the keys that the servers have, which a restore doesn't change.
  PUBLISHED_AUTHORITY_KEY,
];

export const CLUSTER_KEY = '/registry/namespaces/kube-system';

const isOfTheRunning = ({ key }: StoredRecord) => OF_THE_RUNNING.some((prefix) => key.startsWith(prefix));

/**
 * Puts in the order in which the objects were created, so that owners are there before what they own, then deletions from the
 * newest to the oldest. Nothing for what is the same already.
 */
export function restorePlan(present: readonly StoredRecord[], wanted: readonly StoredRecord[]): StoreOperation[] {
  const there = new Map(present.map((record) => [record.key, record]));
  const kept = wanted.filter((record) => !isOfTheRunning(record)).sort((a, b) => a.createRevision - b.createRevision);
  const keptKeys = new Set(kept.map(({ key }) => key));
  const puts = kept.filter(({ key, value }) => {
    const current = there.get(key);
    return !current || Buffer.compare(current.value, value) !== 0;
  });
  const gone = present
    .filter((record) => !keptKeys.has(record.key) && !isOfTheRunning(record))
    .sort((a, b) => b.createRevision - a.createRevision);
  return [
    ...puts.map(({ key, value }): StoreOperation => ({ type: 'put', key, value })),
    ...gone.map(({ key }): StoreOperation => ({ type: 'delete', key })),
  ];
}

/** The UID of kube-system in its stored form; '' for a store that holds no cluster yet. */
export function clusterOf(namespace: StoredRecord | undefined): string {
  if (!namespace) return '';
  // The UID is plain text in every form in which objects are stored, JSON and protobuf.
  const text = Buffer.from(namespace.value).toString('latin1');
  return /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(text)?.[0] ?? '';
}
