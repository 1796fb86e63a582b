// The default store: one SQLite file in WAL mode whose log is synced before anybody is answered, so that what was acknowledged
// survives a power cut. All reads come from memory; the file is read once, at the start, and every record is checked against its checksum.
import { closeSync, existsSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { type Durability, LocalStore, OutcomeUnknown } from './local-store.ts';
import { type Decided, FIRST_REVISION, Mvcc } from './mvcc.ts';
import { CHECKPOINT_PAGES, Log } from './sqlite-log.ts';
import { Packing, sizeInFile } from './sqlite-packing.ts';
import type { Store, StoredRecord, StoreEvent } from './store.ts';

/** Marks the file as ours ('TPHS'), and its layout. */
const APPLICATION_ID = 0x54504853;
export const SCHEMA_VERSION = 2;
/** Layout 1 had pages of 4 KiB, of which objects of usual sizes waste half, and never gave any back. */
const UPGRADED_VERSION = 1;
const PAGE_BYTES = 8192;
/** What the log may keep of the disk's space after it was larger. */
const LOG_BYTES_MAX = 32 * 1024 * 1024;
const PAGES_OF_LAYOUT = `PRAGMA page_size=${PAGE_BYTES}; PRAGMA auto_vacuum=INCREMENTAL;`;
const REVISION = 'revision';

/** The file can't be used; the message says why and nothing in it was changed. */
export class StoreFileError extends Error {
  override name = 'StoreFileError';
}

type Row = [id: number, key: string, value: Uint8Array, createRevision: number, modRevision: number, checksum: number];

function checksumOf(key: string, value: Uint8Array, createRevision: number, modRevision: number): number {
  return crc32(value, crc32(`${key}\u0000${createRevision}\u0000${modRevision}`));
}

function open(path: string): DatabaseSync {
  // The files beside it take over its mode, so it has to be private from the start.
  if (!existsSync(path)) writeFileSync(path, '', { mode: 0o600 });
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw new StoreFileError(`${path} can't be opened: ${(cause as Error).message}`, { cause });
  }
  try {
    // The lock is held until the process ends, however it ends, so that a second one is refused.
    database.exec(`PRAGMA locking_mode=EXCLUSIVE; ${PAGES_OF_LAYOUT} PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;`);
    database.exec(`PRAGMA journal_size_limit=${LOG_BYTES_MAX}; BEGIN EXCLUSIVE; COMMIT;`);
  } catch (cause) {
    database.close();
    const { message } = cause as Error;
    throw new StoreFileError(
      /locked|busy/i.test(message)
        ? `${path} is in use by another process`
        : /full|readonly|I\/O/i.test(message)
          ? `${path} can't be written: ${message}`
          : `${path} is damaged or no store: ${message}`,
      { cause },
    );
  }
  return database;
}

const pragma = (database: DatabaseSync, name: string): number => Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0] as number;

function prepareSchema(database: DatabaseSync, path: string): void {
  const version = pragma(database, 'user_version');
  const application = pragma(database, 'application_id');
  const tables = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()!.count as number;
  if (tables > 0 && application !== APPLICATION_ID) throw new StoreFileError(`${path} is a SQLite file of another program`);
  if (version > SCHEMA_VERSION) {
    throw new StoreFileError(`${path} was written by a newer version (layout ${version}, this program knows ${SCHEMA_VERSION})`);
  }
  if (tables > 0) {
    if (version === UPGRADED_VERSION) upgrade(database, path);
    else if (version !== SCHEMA_VERSION) throw new StoreFileError(`${path} has the unknown layout ${version}`);
    return;
  }
  database.exec(`
    BEGIN;
    CREATE TABLE records (
      id INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL,
      create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, checksum INTEGER NOT NULL
    );
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('${REVISION}', ${FIRST_REVISION});
    PRAGMA application_id=${APPLICATION_ID};
    PRAGMA user_version=${SCHEMA_VERSION};
    COMMIT;
  `);
}

/** Writes the file anew in pages of this layout. Cut short, it leaves the file as it was. */
function upgrade(database: DatabaseSync, path: string): void {
  try {
    database.exec(`PRAGMA journal_mode=DELETE; ${PAGES_OF_LAYOUT} VACUUM; PRAGMA user_version=${SCHEMA_VERSION}; PRAGMA journal_mode=WAL;`);
  } catch (cause) {
    throw new StoreFileError(`${path} can't be brought into this version's layout: ${(cause as Error).message}`, { cause });
  }
}

/** Makes the names of the files last: SQLite asks for it when it makes the log, and says nothing when that fails. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  try {
    const folder = openSync(dirname(path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (cause) {
    throw new StoreFileError(`${path} can't be written: ${(cause as Error).message}`, { cause });
  }
}

/** Where each key's row is. Keys have no index in the file: memory is the index. */
type RowIds = Map<string, number>;

function load(database: DatabaseSync, path: string, ids: RowIds): { records: StoredRecord[]; revision: number } {
  const damaged = (why: string, cause?: unknown) =>
    new StoreFileError(`${path} is damaged: ${why}. Nothing was changed. Move it away and start from a backup: tiphys restore FILE`, {
      cause,
    });
  try {
    const revision = database.prepare('SELECT value FROM meta WHERE name = ?').get(REVISION)?.value as number | undefined;
    if (revision === undefined || !Number.isSafeInteger(revision)) throw damaged('its revision is missing');
    const records: StoredRecord[] = [];
    const all = database.prepare('SELECT id, key, value, create_revision, mod_revision, checksum FROM records');
    // Of a hundred thousand rows objects with names take a third longer.
    all.setReturnArrays(true);
    for (const [id, key, value, createRevision, modRevision, checksum] of all.iterate() as unknown as Iterable<Row>) {
      if (checksumOf(key, value, createRevision, modRevision) !== checksum) throw damaged(`the checksum of ${key} does not match`);
      if (ids.has(key)) throw damaged(`${key} is there twice`);
      if (modRevision > revision) throw damaged(`${key} is newer than the store`);
      ids.set(key, id);
      records.push({ key, value, createRevision, modRevision });
    }
    return { records, revision };
  } catch (error) {
    throw error instanceof StoreFileError ? error : damaged((error as Error).message, error);
  }
}

class SqliteDurability implements Durability {
  readonly #database: DatabaseSync;
  readonly #log: Log;
  readonly #ids: RowIds;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  readonly #revision: StatementSync;
  readonly #packing: Packing;
  /** Of what was acknowledged. */
  #durableRevision: number;
  /** What is in the database and was refused, because it could not be synced. */
  #refused: Decided | undefined;

  constructor(database: DatabaseSync, log: Log, ids: RowIds, contentBytes: number, revision: number) {
    this.#packing = new Packing(database, contentBytes);
    this.#database = database;
    this.#log = log;
    this.#ids = ids;
    this.#durableRevision = revision;
    this.#insert = database.prepare('INSERT INTO records (key, value, create_revision, mod_revision, checksum) VALUES (?, ?, ?, ?, ?)');
    this.#update = database.prepare('UPDATE records SET value = ?, create_revision = ?, mod_revision = ?, checksum = ? WHERE id = ?');
    this.#delete = database.prepare('DELETE FROM records WHERE id = ?');
    this.#revision = database.prepare(`UPDATE meta SET value = ? WHERE name = '${REVISION}'`);
  }

  schedule(flush: () => void): void {
    setImmediate(flush);
  }

  async write(decided: Decided): Promise<void> {
    if (this.#refused || !this.#log.isReady) await this.#mend();
    this.#transact(decided.events, decided.revision);
    try {
      await this.#log.sync();
    } catch (cause) {
      this.#refused = decided;
      throw new OutcomeUnknown((cause as Error).message, { cause });
    }
    this.#durableRevision = decided.revision;
  }

  close(): void {
    this.#log.close();
  }

  /** After a failed sync: what was refused is taken back before anything else is acknowledged. */
  async #mend(): Promise<void> {
    await this.#log.ready();
    if (!this.#refused) return;
    this.#transact(takenBack(this.#refused), this.#durableRevision);
    this.#refused = undefined;
    await this.#log.sync();
    await this.#log.ready();
  }

  /** Afterwards it is in the database, but not yet on the disk. */
  #transact(events: readonly StoreEvent[], revision: number): void {
    const moved = new Map<string, number | undefined>();
    let grownBytes = 0;
    this.#database.exec('BEGIN');
    try {
      for (const { type, record, previous } of events) {
        const { key } = record;
        grownBytes += (type === 'put' ? sizeInFile(key, record.value) : 0) - (previous ? sizeInFile(key, previous.value) : 0);
        const id = moved.has(key) ? moved.get(key) : this.#ids.get(key);
        if (type === 'put') moved.set(key, this.#put(record, id));
        else {
          this.#delete.run(id!);
          moved.set(key, undefined);
        }
      }
      this.#packing.step(events.length, (key, id) => moved.set(key, id));
      this.#revision.run(revision);
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
    this.#packing.changed(grownBytes);
    for (const [key, id] of moved) {
      if (id === undefined) this.#ids.delete(key);
      else this.#ids.set(key, id);
    }
  }

  #put({ key, value, createRevision, modRevision }: StoredRecord, id: number | undefined): number {
    const checksum = checksumOf(key, value, createRevision, modRevision);
    if (id === undefined) return Number(this.#insert.run(key, value, createRevision, modRevision, checksum).lastInsertRowid);
    this.#update.run(value, createRevision, modRevision, checksum, id);
    return id;
  }
}

/** The events that lead back, the last one first. */
function takenBack({ events }: Decided): StoreEvent[] {
  return events.toReversed().map(({ type, record, previous }) => {
    const now = type === 'put' ? { previous: record } : {};
    return previous ? { type: 'put', record: previous, ...now } : { type: 'delete', record, ...now };
  });
}

export interface SqliteOptions {
  /** Pages of the write-ahead log that are folded into the file at once. */
  checkpointPages?: number;
}

/** Opens or makes the file. Throws StoreFileError when it is another program's, of another version, in use, or damaged. */
export function sqliteStore(path: string, { checkpointPages = CHECKPOINT_PAGES }: SqliteOptions = {}): Store {
  const database = open(path);
  try {
    prepareSchema(database, path);
    syncFolder(path);
    const ids: RowIds = new Map();
    const { records, revision } = load(database, path, ids);
    const contentBytes = records.reduce((sum, { key, value }) => sum + sizeInFile(key, value), 0);
    const log = new Log(database, path, checkpointPages);
    return new LocalStore(new Mvcc(records, revision), new SqliteDurability(database, log, ids, contentBytes, revision));
  } catch (error) {
    database.close();
    if (error instanceof StoreFileError) throw error;
    throw new StoreFileError(`${path} can't be written: ${(error as Error).message}`, { cause: error });
  }
}
