// Posts a review to a webhook and reads it back filled in, trying again where upstream does (apiserver util/webhook/webhook.go).
import type { Runtime } from '@tiphys/runtime';
import { type ExchangeAnswer, exchanger } from './exchange.ts';
import type { RemoteTarget } from './kubeconfig.ts';

const ATTEMPTS_MAX = 5;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_FACTOR = 1.5;
const BACKOFF_JITTER = 0.2;

export interface ReviewClient {
  /** The review as it came back. Throws Error saying what went wrong last. */
  post(review: object): Promise<any>;
  close(): void;
}

export interface ReviewClientOptions {
  target: RemoteTarget;
  runtime: Pick<Runtime, 'clock' | 'random'>;
  /** Of one attempt. */
  timeoutMs: number;
}

class AnswerError extends Error {
  readonly retry: boolean;
  constructor(message: string, retry: boolean) {
    super(message);
    this.retry = retry;
  }
}

/** Upstream's words for an answer that is no success (apimachinery api/errors NewGenericServerResponse). */
function refusal({ status, text, headers }: ExchangeAnswer): AnswerError {
  const body = text.trim() || 'unknown';
  const retry = status === 429 || status === 500 || status === 504 || headers['retry-after'] !== undefined;
  const known: Record<number, string> = {
    400: 'the server rejected our request for an unknown reason',
    401: 'the server has asked for the client to provide credentials',
    403: body,
    404: 'the server could not find the requested resource',
    405: 'the server does not allow this method on the requested resource',
    429: 'the server has received too many requests and has asked us to try again later',
    503: 'the server is currently unable to handle the request',
    504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
  };
  if (known[status]) return new AnswerError(known[status], retry);
  if (status >= 500)
    return new AnswerError(`an error on the server (${JSON.stringify(body)}) has prevented the request from succeeding`, retry);
  return new AnswerError(`the server responded with the status code ${status} but did not return more information`, retry);
}

const isReset = (error: unknown) => ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET';

export function reviewClient({ target, runtime, timeoutMs }: ReviewClientOptions): ReviewClient {
  const { clock, random } = runtime;
  const remote = exchanger(clock, target.tls);
  const headers = { ...target.headers, 'content-type': 'application/json', accept: 'application/json' };
  const attempt = async (body: string): Promise<any> => {
    const answer = await remote.exchange({ method: 'POST', url: target.url, headers, body, timeoutMs });
    if (answer.status < 200 || answer.status > 206) throw refusal(answer);
    return JSON.parse(answer.text);
  };
  return {
    async post(review) {
      const body = JSON.stringify(review);
      let delayMs = BACKOFF_FIRST_MS;
      for (let tried = 1; ; tried++) {
        try {
          return await attempt(body);
        } catch (error) {
          const again = error instanceof AnswerError ? error.retry : isReset(error);
          if (!again || tried >= ATTEMPTS_MAX) throw error;
        }
        await clock.sleep(delayMs * (1 + random.number() * BACKOFF_JITTER));
        delayMs *= BACKOFF_FACTOR;
      }
    },
    close: () => remote.close(),
  };
}
