// Sends a request, waiting and trying again when the server asks for it (client-go rest/with_retry.go).
import type { ApiHandler, ApiRequest, ApiResponse, UserInfo } from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';

export type Send = (request: ApiRequest) => Promise<ApiResponse>;

/** Attempts after the first when the server answers 429 or 5xx with Retry-After. */
export const SEND_RETRY_MAX = 10;

function retryAfterSeconds(response: ApiResponse): number | undefined {
  if (response.status !== 429 && response.status < 500) return undefined;
  const text = response.headers['retry-after'];
  const seconds = text === undefined ? Number.NaN : Number(text);
  return Number.isInteger(seconds) && seconds >= 0 ? seconds : undefined;
}

export interface SendOptions {
  handler: ApiHandler;
  clock: Clock;
  user?: UserInfo;
  headers?: Readonly<Record<string, string>>;
}

export function sender(options: SendOptions): Send {
  const { handler, clock, user } = options;
  return async (request) => {
    const headers = options.headers ? { ...options.headers, ...request.headers } : request.headers;
    const complete: ApiRequest = user ? { ...request, headers, user } : { ...request, headers };
    for (let attempt = 0; ; attempt++) {
      const response = await handler.handle(complete);
      const waitSeconds = attempt < SEND_RETRY_MAX ? retryAfterSeconds(response) : undefined;
      if (waitSeconds === undefined) return response;
      await clock.sleep(waitSeconds * 1000, request.signal);
    }
  };
}
