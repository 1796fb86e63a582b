// One version of a stored object: its bytes as they are stored, and on demand its parsed form and its bytes with the
// resourceVersion in them. Stored JSON always opens with kind, apiVersion and metadata, so the revision is spliced in.
import type { KubeObject, WatchEvent, WatchEventType } from '@tiphys/api';

/** A built-in or custom object seen as plain data. */
export type PlainObject = KubeObject & Record<string, unknown>;

const METADATA = Buffer.from('"metadata":{');
const VERSION_KEY = '"resourceVersion":';
const NEW_LINE = Buffer.from('}\n');

/** What a writer knows already: the object whose encoding these bytes are. Saves parsing them again. */
const written = new WeakMap<Uint8Array, PlainObject>();

/** Stored form of an object; the revision is not part of it. The object becomes shared: nobody may change it afterwards. */
export function encodeStored(object: PlainObject): Uint8Array {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _, ...meta } = metadata!;
  const stored = { kind, apiVersion, metadata: meta, ...rest } as PlainObject;
  const value = Buffer.from(JSON.stringify(stored), 'utf8');
  written.set(value, stored);
  return value;
}

export class Entry {
  /** `namespace/name`, or the name alone. */
  readonly key: string;
  readonly revision: number;
  readonly value: Uint8Array;
  #object: PlainObject | undefined;
  /** The object as its writer had it, without the revision. */
  #known: PlainObject | undefined;
  /** What it says its resourceVersion is; nothing for a dry run's object, which no store has seen, unless its writer said something. */
  readonly #version: string;

  constructor(key: string, revision: number, value: Uint8Array, known = written.get(value), version = revision ? String(revision) : '') {
    this.key = key;
    this.revision = revision;
    this.value = value;
    this.#version = version;
    this.#known = known;
    written.delete(value);
  }

  /** What selections look at: the shared, parsed object, maybe without its revision. */
  get content(): PlainObject {
    if (this.#object) return this.#object;
    if (!this.#known) {
      const { buffer, byteOffset, length } = this.value;
      this.#known = JSON.parse(Buffer.from(buffer, byteOffset, length).toString('utf8')) as PlainObject;
    }
    return this.#known;
  }

  /** The shared, parsed object. */
  get object(): PlainObject {
    if (!this.#object) {
      const known = this.content;
      const version = this.#version === '' ? {} : { resourceVersion: this.#version };
      this.#object = { ...known, metadata: { ...known.metadata, ...version } };
      this.#known = undefined;
    }
    return this.#object;
  }

  /** Forgets the parsed object, as history does; it can be parsed again. */
  release(): void {
    this.#object = undefined;
    this.#known = undefined;
  }

  /** Of the JSON with the resourceVersion. */
  get length(): number {
    return this.value.length + (this.#version === '' ? 0 : VERSION_KEY.length + JSON.stringify(this.#version).length + 1);
  }

  /** JSON with the resourceVersion. */
  bytes(): Buffer {
    return Buffer.concat(this.pieces());
  }

  /** The same in pieces, for those who put many entries together. */
  pieces(): readonly Uint8Array[] {
    const value = Buffer.from(this.value.buffer, this.value.byteOffset, this.value.length);
    if (this.#version === '') return [value];
    const at = value.indexOf(METADATA) + METADATA.length;
    return [value.subarray(0, at), Buffer.from(`${VERSION_KEY}${JSON.stringify(this.#version)},`), value.subarray(at)];
  }

  /** The same content under another revision, as deletions and departures are told. */
  at(revision: number): Entry {
    return new Entry(this.key, revision, this.value, this.#object ?? this.#known);
  }
}

/** A watch event whose object is parsed, and whose bytes are made, only when asked for; all watchers share it. */
export class EntryEvent implements WatchEvent {
  readonly type: WatchEventType;
  readonly entry: Entry;
  #encoded: Buffer | undefined;

  constructor(type: WatchEventType, entry: Entry) {
    this.type = type;
    this.entry = entry;
  }

  get object(): PlainObject {
    return this.entry.object;
  }

  /** The event as a line of JSON. */
  encoded(): Buffer {
    this.#encoded ??= Buffer.concat([Buffer.from(`{"type":"${this.type}","object":`, 'latin1'), ...this.entry.pieces(), NEW_LINE]);
    return this.#encoded;
  }

  /** Forgets the bytes: history keeps the stored form alone. */
  release(): void {
    this.#encoded = undefined;
  }
}
