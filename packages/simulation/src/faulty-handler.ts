// The one place where faults happen: between a part's client and the API server, which both know nothing of it.
import type { coordinationv1, WatchEvent } from '@tiphys/api';
import type { ApiHandler, ApiRequest, ApiResponse, WatchSubscription } from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';
import { type Faults, type PartName, REFUSALS, type RefusalCode } from './faults.ts';

const RETRY_AFTER_SECONDS = 1;

function refusal(code: RefusalCode): ApiResponse {
  const status = {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message: `a fault of the simulation: ${code}`,
    reason: REFUSALS[code],
    code,
    ...(code === 429 ? { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } } : {}),
  };
  return {
    status: code,
    headers: code === 429 ? { 'retry-after': `${RETRY_AFTER_SECONDS}` } : {},
    body: { kind: 'object', object: status },
  };
}

/** Passes events on, as late as the faults say at the time they come; never one before another. */
function faultyWatch(watch: WatchSubscription, part: PartName, faults: Faults, clock: Clock): WatchSubscription {
  return {
    subscribe: (onEvents, onEnd) => {
      let waiting: (() => void)[] = [];
      let ended = false;
      let nextMs = 0;
      const passOn = (deliver: () => void) => {
        const dueMs = Math.max(nextMs, clock.monotonicMs() + faults.watchDelayMs(part));
        const delayMs = dueMs - clock.monotonicMs();
        if (delayMs <= 0 && waiting.length === 0) return deliver();
        nextMs = dueMs;
        waiting.push(deliver);
        clock.after(delayMs, () => {
          const next = waiting.shift();
          if (!ended) next?.();
        });
      };
      const finish = () => {
        if (ended) return;
        ended = true;
        waiting = [];
        forget();
        stop();
      };
      const forget = faults.watching(part, () => {
        if (ended) return;
        finish();
        onEnd();
      });
      const stop = watch.subscribe(
        (events: readonly WatchEvent[]) => passOn(() => onEvents(events)),
        () =>
          passOn(() => {
            finish();
            onEnd();
          }),
      );
      return finish;
    },
  };
}

const isWrite = ({ method }: ApiRequest) => method !== 'GET' && method !== 'HEAD';

const holderOf = ({ body }: ApiRequest) => (body as coordinationv1.Lease | undefined)?.spec?.holderIdentity;

export function faultyHandler(handler: ApiHandler, part: PartName, faults: Faults, clock: Clock): ApiHandler {
  return {
    handle: async (request) => {
      const delayMs = faults.requestDelayMs(part);
      if (delayMs > 0) await clock.sleep(delayMs, request.signal);
      const code = faults.refusal(part);
      if (code !== undefined) return refusal(code);
      if (isWrite(request) && faults.silences(part, request.url)) return refusal(503);
      if (request.method === 'PUT' && faults.losesLease(part, request.url, holderOf(request))) return refusal(500);
      const answer = await handler.handle(request);
      if (isWrite(request) && faults.losesAnswer(part)) return refusal(500);
      if (answer.body.kind !== 'watch') return answer;
      return { ...answer, body: { kind: 'watch', watch: faultyWatch(answer.body.watch, part, faults, clock) } };
    },
  };
}
