// /livez, /readyz, /healthz and their single checks (apiserver server/healthz/healthz.go).
import type { ApiResponse } from '@tiphys/machinery';
import type { Logger } from '@tiphys/runtime';

export const HEALTH_ENDPOINTS = ['livez', 'readyz', 'healthz'] as const;

export interface HealthCheck {
  name: string;
  /** Which of the three ask it; default all. */
  endpoints?: readonly (typeof HEALTH_ENDPOINTS)[number][];
  /** Throws, or gives the reason as text (or a promise of it), when something is wrong. */
  check(): unknown;
}

const text = (status: number, content: string): ApiResponse => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache, private' },
  body: { kind: 'bytes', bytes: Buffer.from(content) },
});

async function failure(check: HealthCheck): Promise<string | undefined> {
  try {
    const why = await check.check();
    return typeof why === 'string' && why !== '' ? why : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** undefined when the path is none of a health endpoint or names no check. */
export async function healthAnswer(
  checks: readonly HealthCheck[],
  path: string,
  query: URLSearchParams,
  log: Logger,
): Promise<ApiResponse | undefined> {
  const [, endpoint, ...rest] = path.split('/');
  if (endpoint !== 'livez' && endpoint !== 'readyz' && endpoint !== 'healthz') return undefined;
  const asked = checks.filter((check) => !check.endpoints || check.endpoints.includes(endpoint));
  if (rest.length > 0) return single(asked, rest.join('/'));
  const excluded = new Set(query.getAll('exclude'));
  let output = '';
  const failed: string[] = [];
  for (const check of asked) {
    if (excluded.delete(check.name)) {
      output += `[+]${check.name} excluded: ok\n`;
      continue;
    }
    const why = await failure(check);
    if (why === undefined) output += `[+]${check.name} ok\n`;
    else {
      failed.push(`${check.name}: ${why}`);
      output += `[-]${check.name} failed: reason withheld\n`;
    }
  }
  if (excluded.size > 0) {
    const names = [...excluded].map((name) => JSON.stringify(name)).join(',');
    output += `warn: some health checks cannot be excluded: no matches for ${names}\n`;
  }
  if (failed.length > 0) {
    log.warning('a health check failed', { endpoint, failed: failed.join('; ') });
    return text(500, `${output}${endpoint} check failed\n`);
  }
  return text(200, query.has('verbose') ? `${output}${endpoint} check passed\n` : 'ok');
}

async function single(checks: readonly HealthCheck[], name: string): Promise<ApiResponse | undefined> {
  const check = checks.find((one) => one.name === name);
  if (!check) return undefined;
  const why = await failure(check);
  return why === undefined ? text(200, 'ok') : text(500, `internal server error: ${why}\n`);
}
