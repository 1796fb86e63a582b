// Events in batches to a webhook that a kubeconfig names (apiserver plugin/pkg/audit/{webhook,buffered}).
import type { Runtime } from '@tiphys/runtime';
import { exchanger } from '../remote/exchange.ts';
import type { RemoteTarget } from '../remote/kubeconfig.ts';
import type { AuditBackend, AuditEvent } from './event.ts';

/** kube-apiserver's defaults of --audit-webhook-batch-*. */
export const BUFFERED_EVENTS_MAX = 10_000;
export const BATCH_EVENTS_MAX = 400;
const BATCH_WAIT_MS = 30_000;
const BATCHES_PER_SECOND = 10;
const BATCHES_BURST = 15;
const ATTEMPTS_MAX = 5;
const BACKOFF_FIRST_MS = 10_000;
const BACKOFF_FACTOR = 1.5;
const BACKOFF_JITTER = 0.2;
const ATTEMPT_TIMEOUT_MS = 30_000;

export interface WebhookBackendOptions {
  runtime: Runtime;
  target: RemoteTarget;
}

export interface WebhookBackend extends AuditBackend {
  /** Events that were lost: the buffer was full, or the webhook took none of them. */
  readonly lost: number;
}

/** How long the next batch has to wait; 0: it goes now, and is counted. */
function batchThrottle(clock: Runtime['clock']): () => number {
  let allowance = BATCHES_BURST;
  let allowedMs = clock.monotonicMs();
  return () => {
    const nowMs = clock.monotonicMs();
    allowance = Math.min(BATCHES_BURST, allowance + ((nowMs - allowedMs) * BATCHES_PER_SECOND) / 1000);
    allowedMs = nowMs;
    if (allowance < 1) return ((1 - allowance) * 1000) / BATCHES_PER_SECOND;
    allowance--;
    return 0;
  };
}

export function webhookBackend({ runtime, target }: WebhookBackendOptions): WebhookBackend {
  const { clock, random, log } = runtime;
  const remote = exchanger(clock, target.tls);
  const headers = { ...target.headers, 'content-type': 'application/json', accept: 'application/json' };
  const abort = new AbortController();
  const sending = new Set<Promise<void>>();
  let buffer: AuditEvent[] = [];
  let timer: { cancel(): void } | undefined;
  let lost = 0;
  const throttle = batchThrottle(clock);

  const attempt = async (body: string): Promise<void> => {
    const { status } = await remote.exchange({ method: 'POST', url: target.url, headers, body, timeoutMs: ATTEMPT_TIMEOUT_MS });
    if (status < 200 || status >= 300) throw new Error(`the audit webhook answered ${status}`);
  };
  const send = async (events: readonly AuditEvent[]): Promise<void> => {
    const body = JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items: events });
    let delayMs = BACKOFF_FIRST_MS;
    for (let tried = 1; ; tried++) {
      try {
        return await attempt(body);
      } catch (error) {
        if (tried >= ATTEMPTS_MAX || abort.signal.aborted) {
          lost += events.length;
          log.error('audit events are lost', error, { events: events.length });
          return;
        }
      }
      await clock.sleep(delayMs * (1 + random.number() * BACKOFF_JITTER), abort.signal).catch(() => {});
      delayMs *= BACKOFF_FACTOR;
    }
  };
  const flush = () => {
    timer?.cancel();
    timer = undefined;
    while (buffer.length > 0) {
      const waitMs = abort.signal.aborted ? 0 : throttle();
      if (waitMs > 0) {
        timer = clock.after(waitMs, flush);
        return;
      }
      const sent = send(buffer.splice(0, BATCH_EVENTS_MAX)).finally(() => sending.delete(sent));
      sending.add(sent);
    }
  };
  return {
    get lost() {
      return lost;
    },
    write(event) {
      if (buffer.length >= BUFFERED_EVENTS_MAX) {
        lost++;
        return;
      }
      buffer.push(event);
      if (buffer.length === BATCH_EVENTS_MAX) flush();
      else timer ??= clock.after(BATCH_WAIT_MS, flush);
    },
    async close() {
      abort.abort();
      flush();
      buffer = [];
      await Promise.all(sending);
      remote.close();
    },
  };
}
