// A disk that has lost its power: what was synced is there, of the rest anything may be. Data is torn at sectors of 512 bytes in any
// order; names come and go in the order of the calls, as journals of file systems keep them, and last once their folder is synced.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '@tiphys/runtime';
import { invariant } from '@tiphys/std';
import type { FileOperation } from './record.ts';

const SECTOR_BYTES = 512;

/** How much of what was not synced is on the disk. */
export type Survival = 'nothing' | 'everything' | 'writes' | 'sectors' | 'prefix';
export const SURVIVALS: readonly Survival[] = ['nothing', 'everything', 'writes', 'sectors', 'prefix'];

type Pending = { type: 'write'; offset: number; data: Buffer } | { type: 'truncate'; length: number };

class Content {
  bytes = Buffer.alloc(0);
  length = 0;

  write(offset: number, data: Uint8Array): void {
    const end = offset + data.length;
    if (end > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(end, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    this.bytes.set(data, offset);
    this.length = Math.max(this.length, end);
  }

  truncate(length: number): void {
    if (length < this.length) this.bytes.fill(0, length, this.length);
    else this.write(length, new Uint8Array());
    this.length = length;
  }

  copy(): Content {
    const content = new Content();
    content.bytes = Buffer.from(this.bytes.subarray(0, this.length));
    content.length = this.length;
    return content;
  }
}

class File {
  readonly durable = new Content();
  /** What programs see of it while the power is on. */
  readonly cached = new Content();
  pending: Pending[] = [];

  change(one: Pending): void {
    applyTo(this.cached, one);
    this.pending.push(one);
  }

  sync(): void {
    for (const one of this.pending) applyTo(this.durable, one);
    this.pending = [];
  }

  /** What a survival leaves of it. */
  after(survival: Survival, random: Random): Content {
    if (survival === 'everything') return this.cached;
    if (survival === 'nothing' || this.pending.length === 0) return this.durable;
    const content = this.durable.copy();
    const kept = survival === 'prefix' ? Math.floor(random.number() * (this.pending.length + 1)) : this.pending.length;
    for (const one of this.pending.slice(0, kept)) {
      if (survival === 'prefix') applyTo(content, one);
      else if (survival === 'writes' || one.type === 'truncate') {
        if (random.number() < 0.5) applyTo(content, one);
      } else for (const sector of sectorsOf(one)) if (random.number() < 0.5) content.write(sector.offset, sector.data);
    }
    const torn = this.pending[kept];
    if (torn?.type === 'write') for (const sector of sectorsOf(torn)) if (random.number() < 0.5) content.write(sector.offset, sector.data);
    return content;
  }
}

function applyTo(content: Content, one: Pending): void {
  if (one.type === 'write') content.write(one.offset, one.data);
  else content.truncate(one.length);
}

function* sectorsOf({ offset, data }: { offset: number; data: Buffer }): Generator<{ offset: number; data: Buffer }> {
  for (let at = 0; at < data.length; ) {
    const length = Math.min(SECTOR_BYTES - ((offset + at) % SECTOR_BYTES), data.length - at);
    yield { offset: offset + at, data: data.subarray(at, at + length) };
    at += length;
  }
}

interface Link {
  name: string;
  file: File | undefined;
}

export class Disk {
  readonly #names = new Map<string, File>();
  readonly #durableNames = new Map<string, File>();
  #links: Link[] = [];

  carryOut(operation: FileOperation): void {
    switch (operation.type) {
      case 'create':
        this.#link(operation.name, new File());
        break;
      case 'remove':
        this.#link(operation.name, undefined);
        break;
      case 'syncFolder':
        this.#settle(this.#durableNames, this.#links);
        this.#links = [];
        return;
      case 'sync':
        this.#file(operation.name).sync();
        break;
      case 'failedSync':
        // The kernel gives up what it could not write, and the next sync says nothing of it.
        this.#file(operation.name).pending = [];
        break;
      case 'write':
      case 'truncate':
        this.#file(operation.name).change(operation);
        return;
      default:
    }
  }

  /** Writes what is left into a folder. */
  cut(folder: string, survival: Survival, random: Random): void {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const kept =
      survival === 'nothing' ? 0 : survival === 'everything' ? this.#links.length : Math.floor(random.number() * (this.#links.length + 1));
    const names = new Map(this.#durableNames);
    this.#settle(names, this.#links.slice(0, kept));
    for (const [name, file] of names) {
      const { bytes, length } = file.after(survival, random);
      writeFileSync(join(folder, name), bytes.subarray(0, length), { mode: 0o600 });
    }
  }

  #link(name: string, file: File | undefined): void {
    this.#links.push({ name, file });
    this.#settle(this.#names, [{ name, file }]);
  }

  #settle(names: Map<string, File>, links: readonly Link[]): void {
    for (const { name, file } of links) {
      if (file) names.set(name, file);
      else names.delete(name);
    }
  }

  #file(name: string): File {
    const file = this.#names.get(name);
    invariant(file, `${name} is used and was never made`);
    return file;
  }
}
