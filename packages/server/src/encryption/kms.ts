// Values encrypted by seeds that a KMS plugin keeps encrypted (KMS v2; apiserver pkg/storage/value/encrypt/envelope/kmsv2, the polling
// of pkg/server/options/encryptionconfig/config.go). Few seeds are in use, so the plugin is asked rarely.
import type { Runtime } from '@tiphys/runtime';
import { aesGcm, type Cipher, extendedNonceGcm, SEED_BYTES } from './ciphers.ts';
import { type Annotations, type KmsClient, kmsCodec } from './kms-client.ts';
import { ENCRYPTED, type Transformer } from './transformer.ts';

const STATUS_INTERVAL_MS = 60_000;
const STATUS_INTERVAL_UNHEALTHY_MS = 10_000;
/** A seed may be used so long after the plugin has last said that its key is the newest. */
const SEED_LIFE_MS = 3 * 60_000;
export const SEEDS_MAX = 1000;
const KEY_ID_BYTES_MAX = 1024;
const SEED_TYPE = 1;

interface EncryptedObject {
  encryptedData: Uint8Array;
  keyId: string;
  encryptedDEKSource: Uint8Array;
  annotations?: Annotations;
  encryptedDEKSourceType?: number;
}

interface Seed extends Omit<EncryptedObject, 'encryptedData'> {
  cipher: Cipher;
}

export interface KmsProvider extends Transformer {
  /** Throws, or gives a reason, while the plugin can't be used. */
  check(): Promise<string | undefined>;
  close(): void;
}

export interface KmsOptions {
  name: string;
  client: KmsClient;
  runtime: Runtime;
}

const sourceKey = ({ encryptedDEKSourceType = 0, encryptedDEKSource, keyId, annotations = {} }: Omit<EncryptedObject, 'encryptedData'>) =>
  JSON.stringify([
    encryptedDEKSourceType,
    Buffer.from(encryptedDEKSource).toString('base64'),
    keyId,
    Object.entries(annotations).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ]);

export const kmsProvider = (options: KmsOptions): KmsProvider => new Kms(options);

const decoded = (data: Uint8Array): EncryptedObject => {
  const object = kmsCodec.decode<EncryptedObject>('EncryptedObject', data);
  if (!object.encryptedData?.length || !object.keyId || !object.encryptedDEKSource?.length) throw new Error('encrypted data is incomplete');
  return object;
};

class Kms implements KmsProvider {
  readonly prefix: string;
  readonly #options: KmsOptions;
  /** By the encrypted form of each. */
  readonly #ciphers = new Map<string, Cipher>();
  readonly #asking = new Map<string, Promise<Cipher>>();
  #seed: Seed | undefined;
  #usableUntilMs = 0;
  #problem: string | undefined = 'the KMS plugin has not answered yet';
  #looked: Promise<void>;
  #timer: { cancel(): void } | undefined;
  #closed = false;

  constructor(options: KmsOptions) {
    this.#options = options;
    this.prefix = `${ENCRYPTED}kms:v2:${options.name}:`;
    this.#looked = this.#look();
    void this.#looked.then(() => this.#lookAgain());
  }

  fromStorage(data: Uint8Array, key: string): Uint8Array | Promise<Uint8Array> {
    const object = decoded(data);
    const source = sourceKey(object);
    const known = this.#ciphers.get(source);
    if (known) return known.fromStorage(object.encryptedData, key);
    // Many values come at once, and few seeds are behind them.
    let asked = this.#asking.get(source);
    if (!asked) {
      asked = this.#cipherOf(object, source).finally(() => this.#asking.delete(source));
      this.#asking.set(source, asked);
    }
    return asked.then((cipher) => cipher.fromStorage(object.encryptedData, key));
  }

  toStorage(value: Uint8Array, key: string): Uint8Array | Promise<Uint8Array> {
    return this.#seed ? this.#written(value, key) : this.#looked.then(() => this.#written(value, key));
  }

  isOld(data: Uint8Array): boolean {
    const { keyId, encryptedDEKSourceType } = decoded(data);
    return keyId !== this.#seed?.keyId || encryptedDEKSourceType !== SEED_TYPE;
  }

  async check(): Promise<string | undefined> {
    await this.#looked;
    return this.#problem;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#options.client.close();
  }

  #written(value: Uint8Array, key: string): Uint8Array {
    if (!this.#seed || this.#options.runtime.clock.now() > this.#usableUntilMs) {
      throw new Error(this.#problem ?? 'the seed of the KMS plugin is no longer usable');
    }
    const { cipher, ...source } = this.#seed;
    return kmsCodec.encode('EncryptedObject', { ...source, encryptedData: cipher.toStorage(value, key) });
  }

  #remember(key: string, cipher: Cipher): void {
    if (this.#ciphers.size >= SEEDS_MAX) this.#ciphers.delete(this.#ciphers.keys().next().value!);
    this.#ciphers.set(key, cipher);
  }

  async #freshSeed(): Promise<Seed> {
    const { client, runtime } = this.#options;
    const { random } = runtime;
    const plaintext = random.bytes(SEED_BYTES);
    const { ciphertext, keyId = '', annotations } = await client.encrypt({ plaintext, uid: random.uuid() });
    if (!ciphertext?.length || keyId === '' || Buffer.byteLength(keyId) > KEY_ID_BYTES_MAX) {
      throw new Error('failed to validate annotations, key ID or ciphertext of the KMS plugin');
    }
    const made: Seed = {
      encryptedDEKSource: ciphertext,
      keyId,
      encryptedDEKSourceType: SEED_TYPE,
      ...(annotations ? { annotations } : {}),
      cipher: extendedNonceGcm(plaintext, random),
    };
    this.#remember(sourceKey(made), made.cipher);
    return made;
  }

  async #look(): Promise<void> {
    const { name, client, runtime } = this.#options;
    try {
      const { version, healthz, keyId } = await client.status();
      if (version !== 'v2' && version !== 'v2beta1') throw new Error(`expected KMSv2 API version v2, got ${version ?? ''}`);
      if (healthz !== 'ok') throw new Error(`expected KMSv2 healthz status ok, got ${healthz ?? ''}`);
      if (!keyId) throw new Error('expected KMSv2 KeyID to be set, got ');
      if (this.#seed?.keyId !== keyId) this.#seed = await this.#freshSeed();
      this.#usableUntilMs = runtime.clock.now() + SEED_LIFE_MS;
      this.#problem = undefined;
    } catch (error) {
      this.#problem = `got unexpected KMSv2 status: ${(error as Error).message}`;
      runtime.log.warning('the KMS plugin can not be used', { name, problem: this.#problem });
    }
  }

  #lookAgain(): void {
    if (this.#closed) return;
    const intervalMs = this.#problem === undefined ? STATUS_INTERVAL_MS : STATUS_INTERVAL_UNHEALTHY_MS;
    this.#timer = this.#options.runtime.clock.after(intervalMs, () => {
      this.#looked = this.#look();
      void this.#looked.then(() => this.#lookAgain());
    });
  }

  async #cipherOf(object: EncryptedObject, source: string): Promise<Cipher> {
    const { client, runtime } = this.#options;
    const { encryptedDEKSource, keyId, annotations, encryptedDEKSourceType } = object;
    const request = { ciphertext: encryptedDEKSource, uid: runtime.random.uuid(), keyId, ...(annotations ? { annotations } : {}) };
    const { plaintext } = await client.decrypt(request).catch((error) => {
      throw new Error(`failed to decrypt DEK, error: ${(error as Error).message}`, { cause: error });
    });
    const secret = plaintext ?? new Uint8Array(0);
    const cipher = encryptedDEKSourceType === SEED_TYPE ? extendedNonceGcm(secret, runtime.random) : aesGcm(secret, runtime.random);
    this.#remember(source, cipher);
    return cipher;
  }
}
