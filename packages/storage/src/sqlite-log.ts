// SQLite's write-ahead log, made durable by the thread pool instead of within COMMIT, so that the thread which serves requests never
// waits for the disk. The orders that SQLite would keep by itself (https://sqlite.org/fileformat2.html#walformat) are kept here: the log
// is synced before a write is acknowledged and before its pages go to the file, the file before the log begins anew.
import { closeSync, fdatasync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** The log is folded into the file after so many pages. */
export const CHECKPOINT_PAGES = 2000;

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

const synced = (descriptor: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => (error ? reject(error) : resolve()));
  });

export class Log {
  readonly #database: DatabaseSync;
  readonly #length: StatementSync;
  readonly #checkpoint: StatementSync;
  readonly #log: number;
  readonly #file: number;
  readonly #pageBytes: number;
  readonly #checkpointPages: number;
  #folding: Promise<void> | undefined;
  /** A sync failed, and the kernel may have given up what it could not write: it is to be written again. */
  #logIsDoubtful = false;
  #fileIsDoubtful = false;

  /** What the log holds is durable afterwards. Throws when it can't be. */
  constructor(database: DatabaseSync, path: string, checkpointPages: number) {
    this.#database = database;
    this.#checkpointPages = checkpointPages;
    // What a killed process had written but not synced is shown from now on.
    database.exec('PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=OFF;');
    this.#length = database.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    this.#pageBytes = database.prepare('PRAGMA page_size').get()!.page_size as number;
    this.#log = openSync(`${path}-wal`, 'r+');
    this.#file = openSync(path, 'r+');
    fdatasyncSync(this.#log);
  }

  /** Resolves when everything committed is on the disk. */
  async sync(): Promise<void> {
    try {
      await synced(this.#log);
    } catch (error) {
      this.#logIsDoubtful = true;
      throw error;
    }
    const { log } = this.#length.get() as { log: number };
    if (log >= this.#checkpointPages) this.#folding = this.#fold();
  }

  /** To be awaited before a transaction, which may begin the log anew. Rejects when the disk still fails. */
  async ready(): Promise<void> {
    await this.#folding;
    if (this.#fileIsDoubtful) await this.#foldAgain();
    if (this.#logIsDoubtful) await this.#writeAgain();
  }

  get isReady(): boolean {
    return !this.#folding && !this.#fileIsDoubtful && !this.#logIsDoubtful;
  }

  /** Closes the database too. The log stays where the file could not take it over. */
  close(): void {
    try {
      if (this.#fileIsDoubtful) {
        this.#carryOver();
        fdatasyncSync(this.#file);
      }
    } catch {
      // The lock on the file ends with the process, and the next start reads the log.
      return;
    }
    this.#database.exec('PRAGMA synchronous=FULL');
    this.#database.close();
    closeSync(this.#log);
    closeSync(this.#file);
  }

  /** In a turn of its own: who waits for the write that filled the log is answered first. */
  async #fold(): Promise<void> {
    await new Promise((settle) => setImmediate(settle));
    try {
      this.#checkpoint.get();
    } catch {
      // No space for the file's pages: the log grows until there is.
    }
    try {
      await synced(this.#file);
    } catch {
      this.#fileIsDoubtful = true;
    }
    this.#folding = undefined;
  }

  async #foldAgain(): Promise<void> {
    this.#carryOver();
    await synced(this.#file);
    this.#fileIsDoubtful = false;
  }

  async #writeAgain(): Promise<void> {
    writeAll(this.#log, readAll(this.#log), 0);
    await synced(this.#log);
    this.#logIsDoubtful = false;
  }

  /** What SQLite's checkpoint does, once more: the newest of each page in the log, which is durable, goes to the file. */
  #carryOver(): void {
    const log = readAll(this.#log);
    const { log: frames } = this.#length.get() as { log: number };
    const newest = new Map<number, number>();
    for (let frame = 0; frame < frames; frame++) {
      const at = HEADER_BYTES + frame * (FRAME_HEADER_BYTES + this.#pageBytes);
      newest.set(log.readUInt32BE(at), at + FRAME_HEADER_BYTES);
    }
    const fileBytes = fstatSync(this.#file).size;
    for (const [page, at] of newest) {
      const offset = (page - 1) * this.#pageBytes;
      // Beyond the end are pages that were given back to the disk.
      if (offset < fileBytes) writeAll(this.#file, log.subarray(at, at + this.#pageBytes), offset);
    }
  }
}

function readAll(descriptor: number): Buffer {
  const bytes = Buffer.alloc(fstatSync(descriptor).size);
  for (let at = 0; at < bytes.length; ) {
    const count = readSync(descriptor, bytes, at, bytes.length - at, at);
    if (count === 0) break;
    at += count;
  }
  return bytes;
}

function writeAll(descriptor: number, bytes: Uint8Array, offset: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, offset + at);
}
