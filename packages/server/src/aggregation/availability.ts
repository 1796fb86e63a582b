// Whether an APIService can be used, with upstream's reasons (kube-aggregator controllers/status/{local,remote}).
import { type apiregistrationv1, corev1 } from '@tiphys/api';
import { StatusError } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Clock } from '@tiphys/runtime';
import { connectionText } from '../connection-text.ts';
import { slicesOf } from '../service-endpoint.ts';
import { type ApiService, type Backends, serviceOf } from './backend.ts';
import { identityHeaders } from './identity.ts';

type Condition = apiregistrationv1.APIServiceCondition;
export type Judgement = Pick<Condition, 'status' | 'reason' | 'message'>;

/** Requests of one check; one that succeeds is enough. */
const ATTEMPTS = 5;
const CHECK_TIMEOUT_MS = 5000;
/** Larger documents of a server behind are refused. */
export const DOCUMENT_BYTES_MAX = 64 * 1024 * 1024;
const CHECKER = { name: 'system:kube-aggregator', groups: ['system:masters'] };

export const LOCAL: Judgement = { status: 'True', reason: 'Local', message: 'Local APIServices are always available' };
export const PASSED: Judgement = { status: 'True', reason: 'Passed', message: 'all checks passed' };

const missing = (reason: string, message: string): Judgement => ({ status: 'False', reason, message });

/** What can be told without asking the server behind; undefined when it has to be asked. */
export function judgeService(reader: ResourceReader, apiService: ApiService): Judgement | undefined {
  if (!apiService.spec?.service) return LOCAL;
  const { namespace, name, port } = serviceOf(apiService);
  const subject = `service/${name} in ${JSON.stringify(namespace)}`;
  const service = reader.get(corev1.services, name, namespace);
  if (!service) return missing('ServiceNotFound', `${subject} is not present`);
  if ((service.spec?.type ?? 'ClusterIP') !== 'ClusterIP') return undefined;
  const servicePort = service.spec?.ports?.find((each) => each.port === port);
  if (!servicePort) return missing('ServicePortError', `${subject} is not listening on port ${port}`);
  const slices = slicesOf(reader, namespace, name);
  if (slices.length === 0) return missing('EndpointsNotFound', `cannot find endpointslices for ${subject}`);
  const portName = servicePort.name ?? '';
  const has = slices.some(
    ({ endpoints, ports }) =>
      endpoints?.some(({ conditions }) => conditions?.ready !== false) &&
      ports?.some((each) => (each.name ?? '') === portName && each.port),
  );
  if (has) return undefined;
  return missing('MissingEndpoints', `endpointslices for ${subject} have no addresses with port name ${JSON.stringify(portName)}`);
}

export interface Fetched {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  bytes: Buffer;
}

export interface FetchOptions {
  backends: Backends;
  clock: Clock;
}

/** GET of a document, bounded in time and size. Rejects when there is no answer. */
export async function fetchDocument(
  { backends, clock }: FetchOptions,
  apiService: ApiService,
  path: string,
  user = CHECKER as { name: string; groups: string[] },
  headers: Record<string, string> = {},
): Promise<Fetched> {
  const abort = new AbortController();
  const timer = clock.after(CHECK_TIMEOUT_MS, () => abort.abort());
  try {
    const all = { accept: 'application/json', ...headers, ...identityHeaders(user) };
    const answer = await backends.request(apiService, { method: 'GET', path, headers: all, signal: abort.signal });
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > DOCUMENT_BYTES_MAX) throw new Error(`the document is larger than ${DOCUMENT_BYTES_MAX} bytes`);
    }
    return { status: answer.statusCode ?? 0, headers: answer.headers, bytes: Buffer.concat(chunks) };
  } catch (error) {
    throw abort.signal.aborted ? new Error('context deadline exceeded', { cause: error }) : error;
  } finally {
    timer.cancel();
  }
}

export const discoveryPath = ({ metadata, spec }: ApiService): string =>
  metadata?.name === 'v1.' ? `/api/${spec!.version}` : `/apis/${spec!.group}/${spec!.version}`;

async function attempt(options: FetchOptions, apiService: ApiService): Promise<Buffer> {
  const path = discoveryPath(apiService);
  const { namespace, name, port } = serviceOf(apiService);
  const url = `https://${name}.${namespace}.svc:${port}${path}`;
  const failing = (why: string, cause?: unknown) => new Error(`failing or missing response from ${url}: ${why}`, { cause });
  const { status, bytes } = await fetchDocument(options, apiService, path).catch((error) => {
    if (error instanceof StatusError) throw error;
    throw failing(`Get ${JSON.stringify(url)}: ${connectionText(error as Error)}`, error);
  });
  if (status < 200 || status >= 300) throw failing(`bad status from ${url}: ${status}`);
  return bytes;
}

/** Asks the server behind for its discovery document. */
export async function judgeDiscovery(options: FetchOptions, apiService: ApiService): Promise<{ judgement: Judgement; document?: Buffer }> {
  const attempts = Array.from({ length: ATTEMPTS }, () => attempt(options, apiService));
  try {
    return { judgement: PASSED, document: await Promise.any(attempts) };
  } catch (error) {
    const last = (error as AggregateError).errors.at(-1) as Error;
    return { judgement: missing('FailedDiscoveryCheck', last.message) };
  }
}

/** The status with the Available condition set; undefined when it says so already. */
export function withAvailable(apiService: ApiService, judgement: Judgement, now: string): ApiService['status'] | undefined {
  const conditions = apiService.status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === 'Available');
  const changed = old?.status !== judgement.status || old?.reason !== judgement.reason || old?.message !== judgement.message;
  if (!changed) return undefined;
  // Only what changes has a new time, even where someone wrote none.
  const lastTransitionTime = old?.status === judgement.status ? old.lastTransitionTime : now;
  const condition: Condition = { type: 'Available', ...judgement, lastTransitionTime };
  return {
    ...apiService.status,
    conditions: old ? conditions.map((each) => (each === old ? condition : each)) : [...conditions, condition],
  };
}
