// Passes questions about other names to the machine's resolvers, byte for byte, and keeps the answers for a short while.
// Every question goes out from a fresh port with a fresh id, so that an answer can hardly be forged.
import { createSocket } from 'node:dgram';
import { readFile, stat } from 'node:fs/promises';
import { connect, isIP } from 'node:net';
import type { Runtime } from '@tiphys/runtime';
import { answerCache } from './answer-cache.ts';
import { CODES, codeOf, idOf, MESSAGE_BYTES_MAX, questionKey, withId } from './wire.ts';

export interface ForwarderOptions {
  runtime: Runtime;
  resolvConf: string;
  /** Our own addresses: a resolver found there would ask us back. */
  exclude: readonly string[];
}

export interface Forwarder {
  /** The answer with the query's id, or undefined when nobody could be asked. */
  ask(query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined>;
}

const ATTEMPT_MS = 2000;
/** A resolver that did not answer lately gets less patience. */
const ATTEMPT_MS_WHEN_FAILING = 300;
const FAILING_MS = 10_000;
const RESOLVERS_MAX = 3;
const IN_FLIGHT_MAX = 1000;

/** Addresses after `nameserver` in a resolv.conf, at most three, as libc reads them. */
export function parseResolvers(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
    .filter((address) => isIP(address.split('%')[0]!) !== 0)
    .slice(0, RESOLVERS_MAX);
}

/** The machine's resolvers, read anew when the file changes. */
function resolverList({ resolvConf, exclude }: ForwarderOptions): () => Promise<string[]> {
  let known: { changedMs: number; resolvers: string[] } | undefined;
  return async () => {
    const changedMs = await stat(resolvConf).then(
      (found) => found.mtimeMs,
      () => -1,
    );
    if (known?.changedMs !== changedMs) {
      const text = changedMs < 0 ? '' : await readFile(resolvConf, 'utf8').catch(() => '');
      known = { changedMs, resolvers: parseResolvers(text).filter((address) => !exclude.includes(address)) };
    }
    return known.resolvers;
  };
}

export function forwarder(options: ForwarderOptions): Forwarder {
  const { clock, random } = options.runtime;
  const cache = answerCache(clock);
  const resolvers = resolverList(options);
  const inFlight = new Map<string, Promise<Buffer | undefined>>();
  const failingUntilMs = new Map<string, number>();

  const askAll = async (query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> => {
    let refusal: Buffer | undefined;
    for (const resolver of await resolvers()) {
      const failing = (failingUntilMs.get(resolver) ?? 0) > clock.monotonicMs();
      const outgoing = withId(query, Math.floor(random.number() * 0x10000));
      const send = transport === 'udp' ? overUdp : overTcp;
      const message = await send(options.runtime, resolver, outgoing, failing ? ATTEMPT_MS_WHEN_FAILING : ATTEMPT_MS);
      if (!message) {
        failingUntilMs.set(resolver, clock.monotonicMs() + FAILING_MS);
        continue;
      }
      failingUntilMs.delete(resolver);
      if (codeOf(message) !== CODES.SERVFAIL) return message;
      refusal = message;
    }
    return refusal;
  };

  const ask: Forwarder['ask'] = async (query, transport) => {
    const key = `${transport} ${questionKey(query)}`;
    const cached = cache.get(key);
    if (cached) return withId(cached, idOf(query));
    // The same question joins the one under way. So a loop through the machine's resolver ends in a timeout, not in a flood.
    let pending = inFlight.get(key);
    if (!pending) {
      if (inFlight.size >= IN_FLIGHT_MAX) return undefined;
      pending = askAll(query, transport).finally(() => inFlight.delete(key));
      inFlight.set(key, pending);
      pending.then(
        (message) => message && cache.put(key, message),
        () => {},
      );
    }
    const message = await pending.catch(() => undefined);
    return message && withId(message, idOf(query));
  };
  return { ask };
}

function overUdp(runtime: Runtime, resolver: string, query: Buffer, waitMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(resolver.includes(':') ? 'udp6' : 'udp4');
    const finish = (message?: Buffer) => {
      timer.cancel();
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      resolve(message);
    };
    const timer = runtime.clock.after(waitMs, () => finish());
    socket.on('error', () => finish());
    socket.on('message', (message) => {
      if (message.length >= 12 && idOf(message) === idOf(query)) finish(message);
    });
    // A connected socket learns at once when nobody listens there.
    // The callback is also called with the error when there is no way to the resolver.
    socket.connect(53, resolver, ((error?: Error) => (error ? finish() : socket.send(query))) as () => void);
  });
}

function overTcp(runtime: Runtime, resolver: string, query: Buffer, waitMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(53, resolver);
    const finish = (message?: Buffer) => {
      timer.cancel();
      socket.destroy();
      resolve(message);
    };
    const timer = runtime.clock.after(waitMs, () => finish());
    let received = Buffer.alloc(0);
    socket.on('error', () => finish());
    socket.on('close', () => finish());
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length > MESSAGE_BYTES_MAX + 2) return;
      const length = received.readUInt16BE(0);
      if (received.length >= length + 2 && length >= 12) finish(received.subarray(2, length + 2));
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
  });
}
