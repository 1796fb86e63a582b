// Keeps the store's file close to the size of what is in it. Rows that change their size leave half-empty pages behind, and SQLite
// alone never joins them: so while the file is too large each transaction also moves some rows, oldest place first, to its end, where
// they lie close together, and gives some empty pages back to the disk. Nobody waits for more than these small steps.
import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Rows are moved while the pages in use are larger than what is in them by this factor. */
export const LOOSE_FACTOR = 1.25;
/** Of a small file nobody minds the size. */
const SMALL_BYTES = 4 * 1024 * 1024;
/** Rows moved with one transaction: as many as were written, within these. */
const MOVED_ROWS_MIN = 8;
const MOVED_ROWS_MAX = 512;
/** Empty pages are given back when they are more than this share of the file, so many at a time. */
const FREE_SHARE = 0.1;
const FREED_PAGES_MAX = 256;
/** What a row takes besides its key and value: two revisions, a checksum, lengths and its place in the page. */
const ROW_BYTES = 32;
/** Sizes are looked at again after so many rows were written or moved. */
const LOOK_AGAIN_ROWS = 64;

export const sizeInFile = (key: string, value: Uint8Array): number => key.length + value.length + ROW_BYTES;

interface MovingRow {
  id: number;
  key: string;
}

export class Packing {
  readonly #low: StatementSync;
  readonly #copy: StatementSync;
  readonly #delete: StatementSync;
  readonly #pages: StatementSync;
  readonly #freePages: StatementSync;
  readonly #free: StatementSync;
  readonly #pageBytes: number;
  #contentBytes: number;
  #rowsSinceLook = LOOK_AGAIN_ROWS;
  #isLoose = false;

  constructor(database: DatabaseSync, contentBytes: number) {
    this.#low = database.prepare('SELECT id, key FROM records ORDER BY id LIMIT ?');
    this.#copy = database.prepare(
      'INSERT INTO records (key, value, create_revision, mod_revision, checksum) SELECT key, value, create_revision, mod_revision, checksum FROM records WHERE id = ?',
    );
    this.#delete = database.prepare('DELETE FROM records WHERE id = ?');
    this.#pages = database.prepare('PRAGMA page_count');
    this.#freePages = database.prepare('PRAGMA freelist_count');
    this.#free = database.prepare(`PRAGMA incremental_vacuum(${FREED_PAGES_MAX})`);
    this.#pageBytes = database.prepare('PRAGMA page_size').get()!.page_size as number;
    this.#contentBytes = contentBytes;
  }

  /** What is in the file has grown or shrunk. */
  changed(bytes: number): void {
    this.#contentBytes += bytes;
  }

  /** A small step, within the writer's transaction. `onMoved` learns of each row's new place. */
  step(writtenRows: number, onMoved: (key: string, id: number) => void): void {
    this.#rowsSinceLook += writtenRows;
    if (this.#rowsSinceLook >= LOOK_AGAIN_ROWS) this.#look();
    if (!this.#isLoose) return;
    const rows = Math.min(Math.max(writtenRows, MOVED_ROWS_MIN), MOVED_ROWS_MAX);
    for (const { id, key } of this.#low.all(rows) as unknown as MovingRow[]) {
      onMoved(key, Number(this.#copy.run(id).lastInsertRowid));
      this.#delete.run(id);
    }
    this.#rowsSinceLook += rows;
  }

  #look(): void {
    this.#rowsSinceLook = 0;
    const pages = this.#pages.get()!.page_count as number;
    const free = this.#freePages.get()!.freelist_count as number;
    const usedBytes = (pages - free) * this.#pageBytes;
    this.#isLoose = usedBytes > SMALL_BYTES && usedBytes > this.#contentBytes * LOOSE_FACTOR;
    if (free > pages * FREE_SHARE && pages * this.#pageBytes > SMALL_BYTES) this.#free.all();
  }
}
