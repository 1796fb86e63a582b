// Backup and restore of a cluster's whole state, whichever store it is in, running or not.
import type { Clock } from '@tiphys/runtime';
import type { Store } from '@tiphys/storage';
import { type KeyFiles, SHARED_KEY_FILES } from '../certificates/cluster-keys.ts';
import { type Backup, BackupError, encodeBackup } from './format.ts';
import { CLUSTER_KEY, clusterOf, restorePlan } from './plan.ts';
import { whileNobodyLeads } from './quiet.ts';

const EVERYTHING = '/registry/';

export interface State {
  store: Store;
  keyFiles: KeyFiles;
  clock: Clock;
}

export interface RestoreOptions {
  /** For messages. */
  fileName: string;
  /** The backup may be of another cluster, which then takes this one's place. */
  replaceCluster?: boolean;
}

/** What a restore did. */
export interface Restored {
  records: number;
  written: number;
  deleted: number;
  revision: number;
  /** The backup's keys are not this cluster's: tokens and certificates from before are worth nothing here. */
  otherKeys: boolean;
}

/** The bytes of a backup file: everything at one revision. */
export async function* backupOf({ store, keyFiles, clock }: State): AsyncGenerator<Uint8Array> {
  await store.fresh();
  const { records, revision } = await store.list(EVERYTHING);
  const cluster = clusterOf(await store.get(CLUSTER_KEY));
  const files = SHARED_KEY_FILES.flatMap((name) => {
    const text = keyFiles.read(name);
    return text === undefined ? [] : [[name, text] as const];
  });
  const header = { cluster, revision, records: records.length, createdAt: new Date(clock.now()).toISOString() };
  yield* encodeBackup({ header, records, keyFiles: new Map(files) });
}

function takeKeys(keyFiles: KeyFiles, backup: Backup): boolean {
  const authority = keyFiles.read('ca.crt');
  if (authority === undefined) {
    // A folder that has no keys yet becomes the backup's cluster.
    for (const [name, text] of backup.keyFiles) if (SHARED_KEY_FILES.includes(name)) keyFiles.write(name, text);
    return false;
  }
  return backup.keyFiles.has('ca.crt') && backup.keyFiles.get('ca.crt') !== authority;
}

/** Makes the store hold what the backup holds. Rejects with BackupError when that is not to be; nothing was changed then. */
export async function restore({ store, keyFiles, clock }: State, backup: Backup, options: RestoreOptions): Promise<Restored> {
  await store.fresh();
  const present = clusterOf(await store.get(CLUSTER_KEY));
  const { cluster, revision } = backup.header;
  if (present !== '' && cluster !== present && !options.replaceCluster) {
    throw new BackupError(
      `${options.fileName} is a backup of another cluster (${cluster || 'an empty one'}; this one is ${present}). Nothing was changed. With --replace-cluster it takes this one's place`,
    );
  }
  const otherKeys = takeKeys(keyFiles, backup);
  const operations = await whileNobodyLeads(store, clock, async () => {
    const plan = restorePlan((await store.list(EVERYTHING)).records, backup.records);
    await store.commitAll(plan, { afterRevision: revision });
    return plan;
  });
  const deleted = operations.filter(({ type }) => type === 'delete').length;
  return { records: backup.records.length, written: operations.length - deleted, deleted, revision: store.revision, otherKeys };
}
