// Chance as an argument: real, or from a seed so that a failing run replays.
import { randomBytes } from 'node:crypto';

export interface Random {
  /** A number in [0, 1). */
  number(): number;
  bytes(length: number): Uint8Array;
  /** A version 4 UUID. */
  uuid(): string;
  /** A suffix as generateName uses it: upstream's alphabet without vowels and look-alikes (apimachinery util/rand). */
  suffix(length: number): string;
}

const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

function fromBytes(bytes: (length: number) => Uint8Array): Random {
  return {
    bytes,
    number: () => {
      const b = bytes(6);
      return (b[0]! * 2 ** 40 + b[1]! * 2 ** 32 + b[2]! * 2 ** 24 + b[3]! * 2 ** 16 + b[4]! * 2 ** 8 + b[5]!) / 2 ** 48;
    },
    uuid: () => {
      const b = bytes(16);
      b[6] = (b[6]! & 0x0f) | 0x40;
      b[8] = (b[8]! & 0x3f) | 0x80;
      const h = Buffer.from(b.buffer, b.byteOffset, b.length).toString('hex');
      // Joined it is one string; put together with + it is a tree of parts, which JSON.stringify has a slow path for.
      return [h.slice(0, 8), h.slice(8, 12), h.slice(12, 16), h.slice(16, 20), h.slice(20)].join('-');
    },
    suffix: (length) => {
      let text = '';
      for (const b of bytes(length)) text += SUFFIX_ALPHABET[b % SUFFIX_ALPHABET.length];
      return text;
    },
  };
}

const POOL_BYTES = 4096;

export function realRandom(): Random {
  let pool: Uint8Array = new Uint8Array(0);
  let used = 0;
  return fromBytes((length) => {
    if (length > POOL_BYTES) return randomBytes(length);
    if (used + length > pool.length) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    used += length;
    return pool.slice(used - length, used);
  });
}

/** mulberry32: small, fast and good enough for simulation. Never for keys or tokens. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return fromBytes((length) => Uint8Array.from({ length }, () => next() & 0xff));
}
