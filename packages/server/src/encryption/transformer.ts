// One way to write a value down so that only those with the key can read it (apiserver pkg/storage/value). What is stored opens with
// the way's prefix, `k8s:enc:…:v1:key:`, so that several ways and keys can lie side by side.

/** What everything that is encrypted opens with. */
export const ENCRYPTED = 'k8s:enc:';

export interface Transformer {
  readonly prefix: string;
  /** Reads what stands behind the prefix; a promise where somebody else has to be asked. Throws Error. */
  fromStorage(data: Uint8Array, key: string): Uint8Array | Promise<Uint8Array>;
  /** What is to stand behind the prefix. */
  toStorage(value: Uint8Array, key: string): Uint8Array | Promise<Uint8Array>;
  /** Readable, but not as it would be written today. */
  isOld?(data: Uint8Array): boolean;
}

/** As it is. */
export const identity: Transformer = {
  prefix: '',
  fromStorage: (data) => {
    if (isEncrypted(data)) throw new Error('identity transformer tried to read encrypted data');
    return data;
  },
  toStorage: (value) => value,
};

const ENCRYPTED_BYTES = Buffer.from(ENCRYPTED);

export const isEncrypted = (data: Uint8Array): boolean =>
  data[0] === ENCRYPTED_BYTES[0] && ENCRYPTED_BYTES.equals(data.subarray(0, ENCRYPTED_BYTES.length));

export const startsWith = (data: Uint8Array, prefix: string): boolean =>
  data.length >= prefix.length && Buffer.from(data.buffer, data.byteOffset, prefix.length).toString('latin1') === prefix;

/** The ways for one resource: the first writes, any reads. */
export class Transformers {
  readonly #all: readonly Transformer[];

  constructor(all: readonly Transformer[]) {
    this.#all = all;
  }

  /** Nothing is to be done to values that are not encrypted. */
  get isPlain(): boolean {
    return this.#all[0] === identity;
  }

  read(data: Uint8Array, key: string): Uint8Array | Promise<Uint8Array> {
    const found = this.#reader(data);
    return found.fromStorage(data.subarray(found.prefix.length), key);
  }

  write(value: Uint8Array, key: string): Uint8Array | Promise<Uint8Array> {
    const first = this.#all[0]!;
    const written = first.toStorage(value, key);
    return written instanceof Promise ? written.then((data) => prefixed(first, data)) : prefixed(first, written);
  }

  isStale(data: Uint8Array): boolean {
    const found = this.#reader(data);
    return found !== this.#all[0] || found.isOld?.(data.subarray(found.prefix.length)) === true;
  }

  #reader(data: Uint8Array): Transformer {
    const found = this.#all.find((each) => (each === identity ? !isEncrypted(data) : startsWith(data, each.prefix)));
    if (!found) throw new Error('no matching prefix found');
    return found;
  }
}

const prefixed = ({ prefix }: Transformer, data: Uint8Array): Uint8Array =>
  prefix === '' ? data : Buffer.concat([Buffer.from(prefix), data]);
