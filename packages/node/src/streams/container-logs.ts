// GET /containerLogs: which container's which instance, with upstream's sentences for those that have no log
// (kubelet_pods.go validateContainerLogStatus, server.go getContainerLogs).
import type { Clock } from '@tiphys/runtime';
import type { LogOptions } from './cri-log.ts';
import type { Pod, StreamHost } from './host.ts';
import { HttpError } from './http-error.ts';
import { readLog } from './log-reader.ts';

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

const withoutScheme = (id: string) => id.replace(/^[^:]*:\/\//, '');

function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = pod.status ?? {};
  for (const list of [containerStatuses, initContainerStatuses, ephemeralContainerStatuses]) {
    const found = list?.find((status) => status.name === container);
    if (found) return found;
  }
  return undefined;
}

/** The runtime's id of the instance whose log is meant. Throws HttpError 400 with upstream's sentence. */
export function loggedContainer(pod: Pod, container: string, previous: boolean): string {
  const inPod = `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata?.name)}`;
  const status = statusOf(pod, container);
  if (!status) throw new HttpError(400, `${inPod} is not available`);
  const { waiting, running, terminated } = status.state ?? {};
  const last = status.lastState?.terminated;
  if (previous) {
    if (!last?.containerID) throw new HttpError(400, `previous terminated ${inPod} not found`);
    return withoutScheme(last.containerID);
  }
  if (running) return withoutScheme(status.containerID ?? '');
  if (terminated || last) {
    const id = terminated?.containerID || last?.containerID;
    if (!id) throw new HttpError(400, `${inPod} is terminated`);
    return withoutScheme(id);
  }
  if (!waiting) throw new HttpError(400, `${inPod} is waiting to start - no logs yet`);
  const reasons: Record<string, string> = {
    ErrImagePull: "image can't be pulled",
    ImagePullBackOff: 'trying and failing to pull image',
  };
  throw new HttpError(400, `${inPod} is waiting to start: ${reasons[waiting.reason ?? ''] ?? waiting.reason ?? ''}`);
}

function integer(query: URLSearchParams, name: string, minimum: number): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) throw new HttpError(400, '{"message": "Unable to decode query."}');
  if (Number(text) < minimum) throw new HttpError(422, '{"message": "Invalid request."}');
  return Number(text);
}

const isTrue = (text: string | null) => text !== null && text !== 'false' && text !== '0';

/** Query parameters of PodLogOptions. Throws HttpError for those that make no sense. */
export function logOptionsOf(query: URLSearchParams, nowMs: number): LogOptions & { previous: boolean } {
  const tail = query.get('tail');
  const tailLines = tail === 'all' ? undefined : tail ? Number(tail) : integer(query, 'tailLines', 0);
  const sinceSeconds = integer(query, 'sinceSeconds', 1);
  const sinceTime = query.get('sinceTime');
  if (sinceSeconds !== undefined && sinceTime) throw new HttpError(422, '{"message": "Invalid request."}');
  const sinceMs = sinceTime ? Date.parse(sinceTime) : sinceSeconds === undefined ? undefined : nowMs - sinceSeconds * 1000;
  if (Number.isNaN(sinceMs)) throw new HttpError(400, '{"message": "Unable to decode query."}');
  const limitBytes = integer(query, 'limitBytes', 1);
  const stream = query.get('stream') ?? 'All';
  if (!['All', 'Stdout', 'Stderr'].includes(stream)) throw new HttpError(422, '{"message": "Invalid request."}');
  return {
    previous: isTrue(query.get('previous')),
    follow: isTrue(query.get('follow')),
    timestamps: isTrue(query.get('timestamps')),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(stream === 'All' ? {} : { stream: stream.toLowerCase() as 'stdout' | 'stderr' }),
  };
}

export interface LogRequest {
  namespace: string;
  pod: string;
  container: string;
  query: URLSearchParams;
  signal: AbortSignal;
}

const hasContainer = (pod: Pod, name: string) =>
  [pod.spec?.containers, pod.spec?.initContainers, pod.spec?.ephemeralContainers].some((list) => list?.some((each) => each.name === name));

/** The log as it comes. Failures before the first byte reject at once, so that they can still be told by status. */
export async function containerLog(host: StreamHost, clock: Clock, request: LogRequest): Promise<AsyncIterable<Buffer>> {
  const options = logOptionsOf(request.query, clock.now());
  const pod = host.pod(request.namespace, request.pod);
  if (!pod) throw new HttpError(404, `pod ${JSON.stringify(request.pod)} does not exist`);
  if (!hasContainer(pod, request.container)) {
    throw new HttpError(404, `container ${JSON.stringify(request.container)} not found in pod ${JSON.stringify(request.pod)}`);
  }
  const containerId = loggedContainer(pod, request.container, options.previous);
  const path = await host.logPath(pod, request.container, containerId);
  if (path === undefined) throw new HttpError(400, `unable to retrieve container logs for containerd://${containerId}`);
  const log = readLog({ ...options, path, clock, signal: request.signal, isRunning: () => host.isContainerRunning(containerId) });
  if (options.follow) return log;
  const first = await log.next().catch((error: Error) => {
    throw new HttpError(400, `failed to try resolving symlinks in path ${JSON.stringify(path)}: ${error.message}`);
  });
  return first.done ? nothing() : startingWith(first.value, log);
}

async function* nothing(): AsyncGenerator<Buffer> {}

async function* startingWith(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}
