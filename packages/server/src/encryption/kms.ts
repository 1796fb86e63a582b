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

export function kmsProvider({ name, client, runtime }: KmsOptions): KmsProvider {
  const { clock, random, log } = runtime;
  /** By the encrypted form of each. */
  const ciphers = new Map<string, Cipher>();
  const asking = new Map<string, Promise<Cipher>>();
  let seed: Seed | undefined;
  let usableUntilMs = 0;
  let problem: string | undefined = 'the KMS plugin has not answered yet';
  let closed = false;
  let timer: { cancel(): void } | undefined;

  const remember = (key: string, cipher: Cipher) => {
    if (ciphers.size >= SEEDS_MAX) ciphers.delete(ciphers.keys().next().value!);
    ciphers.set(key, cipher);
  };
  const freshSeed = async (): Promise<Seed> => {
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
    remember(sourceKey(made), made.cipher);
    return made;
  };
  const look = async (): Promise<void> => {
    try {
      const { version, healthz, keyId } = await client.status();
      if (version !== 'v2' && version !== 'v2beta1') throw new Error(`expected KMSv2 API version v2, got ${version ?? ''}`);
      if (healthz !== 'ok') throw new Error(`expected KMSv2 healthz status ok, got ${healthz ?? ''}`);
      if (!keyId) throw new Error('expected KMSv2 KeyID to be set, got ');
      if (seed?.keyId !== keyId) seed = await freshSeed();
      usableUntilMs = clock.now() + SEED_LIFE_MS;
      problem = undefined;
    } catch (error) {
      problem = `got unexpected KMSv2 status: ${(error as Error).message}`;
      log.warning('the KMS plugin can not be used', { name, problem });
    }
  };
  let looked = look();
  const again = () => {
    if (closed) return;
    timer = clock.after(problem === undefined ? STATUS_INTERVAL_MS : STATUS_INTERVAL_UNHEALTHY_MS, () => {
      looked = look();
      void looked.then(again);
    });
  };
  void looked.then(again);

  const decode = (data: Uint8Array): EncryptedObject => {
    const object = kmsCodec.decode<EncryptedObject>('EncryptedObject', data);
    if (!object.encryptedData?.length || !object.keyId || !object.encryptedDEKSource?.length)
      throw new Error('encrypted data is incomplete');
    return object;
  };
  const cipherOf = async (object: EncryptedObject, key: string) => {
    const { encryptedDEKSource, keyId, annotations, encryptedDEKSourceType } = object;
    const request = { ciphertext: encryptedDEKSource, uid: random.uuid(), keyId, ...(annotations ? { annotations } : {}) };
    const { plaintext } = await client.decrypt(request).catch((error) => {
      throw new Error(`failed to decrypt DEK, error: ${(error as Error).message}`, { cause: error });
    });
    const secret = plaintext ?? new Uint8Array(0);
    const cipher = encryptedDEKSourceType === SEED_TYPE ? extendedNonceGcm(secret, random) : aesGcm(secret, random);
    remember(key, cipher);
    return cipher;
  };
  const written = (value: Uint8Array, key: string): Uint8Array => {
    if (!seed || clock.now() > usableUntilMs) throw new Error(problem ?? 'the seed of the KMS plugin is no longer usable');
    const { cipher, ...source } = seed;
    return kmsCodec.encode('EncryptedObject', { ...source, encryptedData: cipher.toStorage(value, key) });
  };
  return {
    prefix: `${ENCRYPTED}kms:v2:${name}:`,
    fromStorage(data, key) {
      const object = decode(data);
      const source = sourceKey(object);
      const known = ciphers.get(source);
      if (known) return known.fromStorage(object.encryptedData, key);
      // Many values come at once, and few seeds are behind them.
      let asked = asking.get(source);
      if (!asked) {
        asked = cipherOf(object, source).finally(() => asking.delete(source));
        asking.set(source, asked);
      }
      return asked.then((cipher) => cipher.fromStorage(object.encryptedData, key));
    },
    toStorage: (value, key) => (seed ? written(value, key) : looked.then(() => written(value, key))),
    isOld(data) {
      const { keyId, encryptedDEKSourceType } = decode(data);
      return keyId !== seed?.keyId || encryptedDEKSourceType !== SEED_TYPE;
    },
    async check() {
      await looked;
      return problem;
    },
    close() {
      closed = true;
      timer?.cancel();
      client.close();
    },
  };
}
