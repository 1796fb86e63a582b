// Requests of one connection begin some at a time: others get their word in between, and those that are taken back at once, by the thousand
// (CVE-2023-44487), are gone when it is their turn. Go's server bounds handlers per connection for the same reason.
import type { ServerHttp2Stream } from 'node:http2';

/** Begun in one turn of the event loop, of one connection. */
export const BEGUN_PER_TURN_MAX = 50;

interface Waiting {
  stream: ServerHttp2Stream;
  begin(): void;
}

const isGone = ({ closed, destroyed }: ServerHttp2Stream): boolean => closed || destroyed;

class Turns {
  #begun = 0;
  #waiting: Waiting[] = [];

  /** Resolves with whether the request is still wanted when its turn comes; undefined: at once. */
  take(stream: ServerHttp2Stream): Promise<boolean> | undefined {
    if (this.#begun === 0) setImmediate(() => this.#next());
    if (this.#begun++ < BEGUN_PER_TURN_MAX) return undefined;
    // Nobody else listens yet.
    stream.on('error', () => {});
    return new Promise((resolve) => this.#waiting.push({ stream, begin: () => resolve(!isGone(stream)) }));
  }

  #next(): void {
    const waiting = this.#waiting;
    this.#begun = 0;
    let taken = 0;
    for (; taken < waiting.length && this.#begun < BEGUN_PER_TURN_MAX; taken++) {
      const { stream, begin } = waiting[taken]!;
      if (!isGone(stream)) this.#begun++;
      begin();
    }
    this.#waiting = waiting.slice(taken);
    if (this.#waiting.length > 0) this.#begun = Math.max(this.#begun, BEGUN_PER_TURN_MAX);
    if (this.#begun > 0) setImmediate(() => this.#next());
  }
}

const turnsOf = new WeakMap<object, Turns>();

/** Resolves when the stream's request may begin, with whether anybody still wants it; undefined: at once. */
export function turnFor(stream: ServerHttp2Stream): Promise<boolean> | undefined {
  const { session } = stream;
  if (!session) return undefined;
  let turns = turnsOf.get(session);
  if (!turns) {
    turns = new Turns();
    turnsOf.set(session, turns);
  }
  return turns.take(stream);
}
