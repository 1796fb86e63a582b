// Requests of one connection begin some at a time: others get their word in between, and those that are taken back at once, by the thousand
// (CVE-2023-44487), are gone when it is their turn. Go's server bounds handlers per connection for the same reason.

/** Begun in one turn of the event loop, of one connection. */
export const BEGUN_PER_TURN_MAX = 50;

/** A request on a connection. */
export interface Begun {
  readonly isClosed: boolean;
}

interface Waiting {
  stream: Begun;
  begin(): void;
}

class Turns {
  #begun = 0;
  #waiting: Waiting[] = [];

  /** Resolves with whether the request is still wanted when its turn comes; undefined: at once. */
  take(stream: Begun): Promise<boolean> | undefined {
    if (this.#begun === 0) setImmediate(() => this.#next());
    if (this.#begun++ < BEGUN_PER_TURN_MAX) return undefined;
    return new Promise((resolve) => this.#waiting.push({ stream, begin: () => resolve(!stream.isClosed) }));
  }

  #next(): void {
    const waiting = this.#waiting;
    this.#begun = 0;
    let taken = 0;
    for (; taken < waiting.length && this.#begun < BEGUN_PER_TURN_MAX; taken++) {
      const { stream, begin } = waiting[taken]!;
      if (!stream.isClosed) this.#begun++;
      begin();
    }
    this.#waiting = waiting.slice(taken);
    if (this.#waiting.length > 0) this.#begun = Math.max(this.#begun, BEGUN_PER_TURN_MAX);
    if (this.#begun > 0) setImmediate(() => this.#next());
  }
}

const turnsOf = new WeakMap<object, Turns>();

/** Resolves when the stream's request may begin, with whether anybody still wants it; undefined: at once. */
export function turnFor(connection: object, stream: Begun): Promise<boolean> | undefined {
  let turns = turnsOf.get(connection);
  if (!turns) {
    turns = new Turns();
    turnsOf.set(connection, turns);
  }
  return turns.take(stream);
}
