// The ways with keys of their own: AES-GCM, AES-CBC, and XSalsa20 with Poly1305 (apiserver pkg/storage/value/encrypt). The key under
// which a value lies is authenticated with it where the way can, so that values can't change places.
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import type { Random } from '@tiphys/runtime';

const GCM_NONCE_BYTES = 12;
const GCM_TAG_BYTES = 16;
const BLOCK_BYTES = 16;
const SECRETBOX_NONCE_BYTES = 24;
const SECRETBOX_OVERHEAD_BYTES = 16;
const INFO_BYTES = 32;
export const SEED_BYTES = 32;

const TOO_SHORT = 'the stored data was shorter than the required size';

/** As a Transformer, but at once. */
export interface Cipher {
  fromStorage(data: Uint8Array, key: string): Uint8Array;
  toStorage(value: Uint8Array, key: string): Uint8Array;
}

export function aesGcm(secret: Uint8Array, random: Random): Cipher {
  const algorithm = `aes-${secret.length * 8}-gcm` as 'aes-256-gcm';
  return {
    fromStorage(data, key) {
      if (data.length < GCM_NONCE_BYTES + GCM_TAG_BYTES) throw new Error(TOO_SHORT);
      const decipher = createDecipheriv(algorithm, secret, data.subarray(0, GCM_NONCE_BYTES));
      decipher.setAAD(Buffer.from(key)).setAuthTag(data.subarray(-GCM_TAG_BYTES));
      const plain = decipher.update(data.subarray(GCM_NONCE_BYTES, -GCM_TAG_BYTES));
      try {
        decipher.final();
      } catch (error) {
        throw new Error('cipher: message authentication failed', { cause: error });
      }
      return plain;
    },
    toStorage(value, key) {
      const nonce = random.bytes(GCM_NONCE_BYTES);
      const cipher = createCipheriv(algorithm, secret, nonce).setAAD(Buffer.from(key));
      const encrypted = cipher.update(value);
      cipher.final();
      return Buffer.concat([nonce, encrypted, cipher.getAuthTag()]);
    },
  };
}

export function aesCbc(secret: Uint8Array, random: Random): Cipher {
  const algorithm = `aes-${secret.length * 8}-cbc`;
  return {
    fromStorage(data) {
      if (data.length < BLOCK_BYTES) throw new Error(TOO_SHORT);
      if (data.length % BLOCK_BYTES !== 0) throw new Error('the stored data is not a multiple of the block size');
      const decipher = createDecipheriv(algorithm, secret, data.subarray(0, BLOCK_BYTES));
      try {
        return Buffer.concat([decipher.update(data.subarray(BLOCK_BYTES)), decipher.final()]);
      } catch (error) {
        throw new Error('invalid padding on input', { cause: error });
      }
    },
    toStorage(value) {
      const vector = random.bytes(BLOCK_BYTES);
      const cipher = createCipheriv(algorithm, secret, vector);
      return Buffer.concat([vector, cipher.update(value), cipher.final()]);
    },
  };
}

export function secretbox(secret: Uint8Array, random: Random): Cipher {
  return {
    fromStorage(data) {
      if (data.length < SECRETBOX_NONCE_BYTES + SECRETBOX_OVERHEAD_BYTES) throw new Error(TOO_SHORT);
      const box = xsalsa20poly1305(secret, data.subarray(0, SECRETBOX_NONCE_BYTES));
      try {
        return box.decrypt(data.subarray(SECRETBOX_NONCE_BYTES));
      } catch (error) {
        throw new Error('output array was not large enough for encryption', { cause: error });
      }
    },
    toStorage(value) {
      const nonce = random.bytes(SECRETBOX_NONCE_BYTES);
      return Buffer.concat([nonce, xsalsa20poly1305(secret, nonce).encrypt(value)]);
    },
  };
}

/** A key for each value, derived from the seed and 32 random bytes that stand before it (encrypt/aes/aes_extended_nonce.go). */
export function extendedNonceGcm(seed: Uint8Array, random: Random): Cipher {
  // One block of HKDF's expansion is all a key needs.
  const derived = (info: Uint8Array) =>
    createHmac('sha256', seed)
      .update(info)
      .update(Buffer.from([1]))
      .digest();
  return {
    fromStorage(data, key) {
      if (data.length < INFO_BYTES) throw new Error(TOO_SHORT);
      return aesGcm(derived(data.subarray(0, INFO_BYTES)), random).fromStorage(data.subarray(INFO_BYTES), key);
    },
    toStorage(value, key) {
      const info = random.bytes(INFO_BYTES);
      return Buffer.concat([info, aesGcm(derived(info), random).toStorage(value, key)]);
    },
  };
}
