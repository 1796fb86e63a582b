// A client that knows all servers, and asks another one where that is safe: what was never sent, what was answered with words that nothing
// was done, and reads. A write whose outcome nobody told is given up as UNANSWERED.

import { setTimeout as delay } from 'node:timers/promises';
import type { ApiHandler, ApiRequest, ApiResponse } from '@tiphys/machinery';
import { Retryable } from '@tiphys/std';
import { UNANSWERED } from '../linearizability/history.ts';

const ATTEMPTS_MAX = 100;
const PAUSE_MS = 100;
/** In the words of the store, and of a server whose own watch of etcd is behind. */
const OUTCOME_UNKNOWN = /not known|it was written at revision/;

export interface Patience {
  /** How long an answer may take until somebody else is asked. */
  ms: number;
}

/** Acknowledged writes, of all clients together. */
export class Pulse {
  writes = 0;
  #longestMs = 0;
  #lastMs = performance.now();

  beat(): void {
    this.writes++;
    this.#longestMs = this.longestMs;
    this.#lastMs = performance.now();
  }

  /** The longest time without one, up to now. */
  get longestMs(): number {
    return Math.max(this.#longestMs, performance.now() - this.#lastMs);
  }
}

export interface RetryingHandler extends ApiHandler {
  /** How many requests were given up, and why the last of them was. */
  readonly unanswered: number;
  readonly lastUnanswered: string;
  /** Why the last answer was none, of those that another answered, too. */
  readonly lastTrouble: string;
}

/** Why there is no answer, and whether the request may have been carried out all the same. */
interface Trouble {
  text: string;
  mayBeDone: boolean;
}

async function attempt(server: ApiHandler, request: ApiRequest, patience: Patience): Promise<ApiResponse | Trouble> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${patience.ms} ms`)), patience.ms);
  try {
    const response = await server.handle({ ...request, signal: late.signal });
    if (response.status < 500 && response.status !== 429) return response;
    const { body } = response;
    const text = body.kind === 'object' ? JSON.stringify(body.object) : body.kind === 'bytes' ? Buffer.from(body.bytes).toString() : '';
    return { text: `${response.status} ${text}`, mayBeDone: OUTCOME_UNKNOWN.test(text) };
  } catch (error) {
    const isUnsent = error instanceof Retryable && (error as { unsent?: boolean }).unsent === true;
    return { text: (error as Error).message, mayBeDone: !isUnsent };
  } finally {
    clearTimeout(timer);
  }
}

/** Asks the server with this index first, and after that whoever answered last. */
export function retrying(servers: readonly ApiHandler[], first: number, patience: Patience, pulse: Pulse): RetryingHandler {
  let at = first;
  let unanswered = 0;
  let lastTrouble = '';
  let lastUnanswered = '';
  const handle = async (request: ApiRequest): Promise<ApiResponse> => {
    const from = at;
    for (let tries = 1; ; tries++) {
      const asked = from + tries - 1;
      const answer = await attempt(servers[asked % servers.length]!, request, patience);
      if ('status' in answer) {
        at = asked % servers.length;
        if (request.method !== 'GET' && answer.status < 300) pulse.beat();
        return answer;
      }
      lastTrouble = `${request.method} ${request.url}: ${answer.text}`;
      // Who asks for a revision of the future is rightly told so, by everybody.
      const isFuture = answer.text.startsWith('504 ') && tries >= servers.length;
      if ((request.method !== 'GET' && answer.mayBeDone) || tries === ATTEMPTS_MAX || isFuture) {
        if (!isFuture) {
          unanswered++;
          lastUnanswered = `${request.method} ${request.url}: ${answer.text}`;
        }
        return { status: isFuture ? 504 : UNANSWERED, headers: {}, body: { kind: 'object', object: { message: answer.text } as object } };
      }
      if (tries % servers.length === 0) await delay(PAUSE_MS);
    }
  };
  return {
    handle,
    get unanswered() {
      return unanswered;
    },
    get lastTrouble() {
      return lastTrouble;
    },
    get lastUnanswered() {
      return lastUnanswered;
    },
  };
}

/** A handler that shows only what is in these namespaces, and was not put there by the cluster. */
export function within(namespaces: readonly string[], handler: ApiHandler): ApiHandler {
  const isOwn = (object: any) => namespaces.includes(object.metadata.namespace) && object.metadata.name !== 'kube-root-ca.crt';
  return {
    handle: async (request) => {
      const response = await handler.handle(request);
      const { body } = response;
      if (body.kind === 'watch') {
        const subscribe: typeof body.watch.subscribe = (onEvents, onEnd) =>
          body.watch.subscribe((events) => {
            const shown = events.filter(({ type, object }) => type === 'BOOKMARK' || type === 'ERROR' || isOwn(object));
            if (shown.length > 0) onEvents(shown);
          }, onEnd);
        return { ...response, body: { kind: 'watch', watch: { subscribe } } };
      }
      const object: any =
        body.kind === 'object' ? body.object : body.kind === 'bytes' ? JSON.parse(Buffer.from(body.bytes).toString()) : {};
      if (!object.items) return response;
      return { ...response, body: { kind: 'object', object: { ...object, items: object.items.filter(isOwn) } } };
    },
  };
}
