// GET pods/log: checks the options, finds the node, and passes its answer on (pkg/registry/core/pod/rest/log.go,
// apiserver registry/generic/rest/response_checker.go).

import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ApiRequest, type ApiResponse, type FieldError, fieldError, StatusError, statusError } from '@tiphys/machinery';
import type { RequestInfo, SubresourceHandler, UpgradeHandler } from '../interfaces.ts';
import type { ConnectContext } from './context.ts';
import { hostPort, type KubeletAddress, kubeletAddress } from './kubelet.ts';
import { containerOf, path, podOf } from './pod-target.ts';
import { isWebSocket, protocolsOf } from './upgrade.ts';
import { acceptWebSocket, sendBounded } from './websocket.ts';

const REFUSAL_BYTES_MAX = 50_000;
const STREAMS = ['All', 'Stderr', 'Stdout'];

function number(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) throw statusError.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function optionErrors(query: URLSearchParams): FieldError[] {
  const errors: FieldError[] = [];
  const tailLines = number(query, 'tailLines');
  const limitBytes = number(query, 'limitBytes');
  const sinceSeconds = number(query, 'sinceSeconds');
  const stream = query.get('stream') ?? 'All';
  if (tailLines !== undefined && tailLines < 0)
    errors.push(fieldError.invalid('tailLines', tailLines, 'must be greater than or equal to 0'));
  if (limitBytes !== undefined && limitBytes < 1) errors.push(fieldError.invalid('limitBytes', limitBytes, 'must be greater than 0'));
  if (sinceSeconds !== undefined && query.get('sinceTime')) {
    errors.push(fieldError.forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  } else if (sinceSeconds !== undefined && sinceSeconds < 1) {
    errors.push(fieldError.invalid('sinceSeconds', sinceSeconds, 'must be greater than 0'));
  }
  if (!STREAMS.includes(stream)) errors.push(fieldError.notSupported('stream', stream, STREAMS));
  if (stream !== 'All' && tailLines !== undefined) {
    errors.push(fieldError.forbidden('', '`tailLines` and specific `stream` are mutually exclusive for now'));
  }
  return errors;
}

const FLAGS = ['follow', 'previous', 'timestamps'];
const VALUES = ['sinceSeconds', 'sinceTime', 'tailLines', 'limitBytes'];
const isTrue = (text: string | null) => text !== null && text !== 'false' && text !== '0';

/** The options as the node takes them. */
export function logQuery(query: URLSearchParams): URLSearchParams {
  const found = new URLSearchParams();
  for (const name of FLAGS) if (isTrue(query.get(name))) found.set(name, 'true');
  for (const name of VALUES) {
    const value = query.get(name);
    if (value) found.set(name, value);
  }
  found.set('stream', query.get('stream') ?? 'All');
  return found;
}

/** What the node's refusal means to the caller. */
function refusal(status: number, text: string, name: string): StatusError {
  if (status === 500) return statusError.internal(text);
  if (status === 400) return statusError.badRequest(text);
  const subject = `( pods/log ${name})`;
  const details = { name, kind: 'pods/log' };
  if (status === 404) return new StatusError(404, 'NotFound', `the server could not find the requested resource ${subject}`, details);
  if (status === 401) {
    return new StatusError(401, 'Unauthorized', `the server has asked for the client to provide credentials ${subject}`, details);
  }
  if (status === 403) return new StatusError(403, 'Forbidden', `${text} ${subject}`, details);
  if (status >= 500) {
    const message = `an error on the server (${JSON.stringify(text)}) has prevented the request from succeeding ${subject}`;
    return new StatusError(status, 'InternalError', message, details);
  }
  const message = `the server responded with the status code ${status} but did not return more information ${subject}`;
  return new StatusError(status, '', message, details);
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) {
    text += String(chunk);
    if (text.length > REFUSAL_BYTES_MAX) break;
  }
  return text;
}

function fetchFrom(context: ConnectContext, address: KubeletAddress, target: string, signal?: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { host, port } = address;
    const outgoing = httpsRequest({ host, port, path: target, agent: context.kubelet().agent, ...(signal ? { signal } : {}) }, resolve);
    outgoing.on('error', (error) => {
      const url = `https://${hostPort(address)}${target}`;
      reject(statusError.internal(`Get ${JSON.stringify(url)}: ${error.message}`, error));
    });
    outgoing.end();
  });
}

/** The log as it comes from the node; nothing while the pod has no node. */
async function openLog(context: ConnectContext, request: ApiRequest, info: RequestInfo): Promise<IncomingMessage | undefined> {
  if (info.verb !== 'get') throw statusError.methodNotSupported({ group: '', resource: 'pods/log' }, info.verb);
  const errors = optionErrors(info.query);
  if (errors.length > 0) throw statusError.invalid({ group: '', kind: 'PodLogOptions' }, info.name, errors);
  const reader = context.reader();
  const pod = podOf(reader, info.namespace, info.name);
  const container = containerOf(pod, info.query.get('container') ?? '');
  if (!pod.spec?.nodeName) return undefined;
  const address = kubeletAddress(reader, pod.spec.nodeName);
  const target = `${path('containerLogs', info.namespace, info.name, container)}?${logQuery(info.query)}`;
  const answer = await fetchFrom(context, address, target, request.signal);
  if (answer.statusCode! < 200 || answer.statusCode! > 206) throw refusal(answer.statusCode!, await textOf(answer), info.name);
  return answer;
}

async function log(context: ConnectContext, request: ApiRequest, info: RequestInfo): Promise<ApiResponse> {
  const answer = await openLog(context, request, info);
  const body = answer ? { kind: 'stream' as const, stream: answer } : { kind: 'bytes' as const, bytes: new Uint8Array() };
  return { status: 200, headers: { 'content-type': 'text/plain' }, body };
}

const BINARY = 'binary.k8s.io';
const BASE64 = 'base64.binary.k8s.io';

/** The log in messages of a WebSocket, which closes at the end (apimachinery util/httpstream/wsstream Reader). */
async function logMessages(
  context: ConnectContext,
  request: ApiRequest,
  info: RequestInfo,
  socket: Duplex,
  head: Uint8Array,
): Promise<void> {
  const protocol = protocolsOf(request).find((name) => name === BINARY || name === BASE64) ?? '';
  const answer = await openLog(context, request, info);
  const accepted = await acceptWebSocket(request, socket, head, protocol);
  accepted.on('error', () => accepted.terminate());
  accepted.on('close', () => answer?.destroy());
  accepted.resume();
  if (!answer) return accepted.close();
  answer.on('data', (chunk: Buffer) => {
    const data = protocol === BASE64 ? chunk.toString('base64') : chunk;
    sendBounded(accepted, data, answer);
  });
  answer.on('end', () => accepted.close());
  answer.on('error', () => accepted.close());
}

export function podLogHandler(context: ConnectContext): SubresourceHandler {
  return { group: '', resource: 'pods', subresource: 'log', handle: (request, info) => log(context, request, info) };
}

export function podLogUpgrade(context: ConnectContext): UpgradeHandler {
  return {
    matches: ({ apiGroup, resource, subresource }) => apiGroup === '' && resource === 'pods' && subresource === 'log',
    upgrade: (request, info, _user, socket, head) => {
      if (!isWebSocket(request)) throw statusError.badRequest('Upgrade request required');
      return logMessages(context, request, info, socket, head);
    },
  };
}
