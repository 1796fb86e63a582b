// Keeps answers of other resolvers for a short while, and hands them out with their times to live aged.
import type { Clock } from '@tiphys/runtime';
import { CODES, codeOf, isTruncated, ttlOffsets } from './wire.ts';

const CACHE_ENTRIES_MAX = 1000;
const CACHE_MS_MAX = 30_000;
const CACHE_MS_NEGATIVE_MAX = 5000;

interface Cached {
  message: Buffer;
  offsets: number[];
  storedMs: number;
  expiresMs: number;
}

export interface AnswerCache {
  get(key: string): Buffer | undefined;
  /** Keeps answers and denials; failures and cut messages are not worth remembering. */
  put(key: string, message: Buffer): void;
}

export function answerCache(clock: Clock): AnswerCache {
  const cache = new Map<string, Cached>();
  return {
    get: (key) => {
      const entry = cache.get(key);
      const nowMs = clock.monotonicMs();
      if (!entry) return undefined;
      if (entry.expiresMs <= nowMs) {
        cache.delete(key);
        return undefined;
      }
      const copy = Buffer.from(entry.message);
      const agedSeconds = Math.floor((nowMs - entry.storedMs) / 1000);
      for (const offset of entry.offsets) copy.writeUInt32BE(Math.max(0, copy.readUInt32BE(offset) - agedSeconds), offset);
      return copy;
    },
    put: (key, message) => {
      const code = codeOf(message);
      if (isTruncated(message) || (code !== CODES.NOERROR && code !== CODES.NXDOMAIN)) return;
      const offsets = ttlOffsets(message);
      const ttlSeconds = Math.min(...offsets.map((offset) => message.readUInt32BE(offset)), CACHE_MS_MAX / 1000);
      const hasAnswer = message.readUInt16BE(6) > 0;
      const keepMs = Math.min(ttlSeconds * 1000, hasAnswer ? CACHE_MS_MAX : CACHE_MS_NEGATIVE_MAX);
      if (keepMs <= 0) return;
      const storedMs = clock.monotonicMs();
      cache.set(key, { message, offsets, storedMs, expiresMs: storedMs + keepMs });
      if (cache.size > CACHE_ENTRIES_MAX) cache.delete(cache.keys().next().value!);
    },
  };
}
