// Runs exec, httpGet, tcpSocket and grpc handlers of probes and hooks (pkg/probe/*, pkg/kubelet/lifecycle/handlers.go).

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { credentials, Client as GrpcClient } from '@grpc/grpc-js';
import type { corev1 } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import { expand } from '../container/expansion.ts';
import type { CriClient } from '../cri/client.ts';
import { CriError, GrpcCode } from '../cri/errors.ts';

export interface HandlerResult {
  outcome: 'success' | 'warning' | 'failure' | 'unknown';
  output: string;
}

/** Bytes of an answer that are kept for messages. */
const OUTPUT_BYTES_MAX = 10 * 1024;
const REDIRECTS_MAX = 10;
const AGENT = 'kube-probe/1.36';

const failure = (output: string): HandlerResult => ({ outcome: 'failure', output });
const success = (output: string): HandlerResult => ({ outcome: 'success', output });

export function containerPort(port: number | string, container: corev1.Container): number {
  const number = typeof port === 'number' ? port : (container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port));
  if (!Number.isInteger(number)) throw new Error(`couldn't find port: "${port}" in container`);
  if (number <= 0 || number >= 65536) throw new Error(`invalid port number: ${number}`);
  return number;
}

const hostText = (host: string) => (host.includes(':') ? `[${host}]` : host);

function networkError(error: NodeJS.ErrnoException, address: string): string {
  const texts: Record<string, string> = {
    ECONNREFUSED: `dial tcp ${address}: connect: connection refused`,
    EHOSTUNREACH: `dial tcp ${address}: connect: no route to host`,
    ENETUNREACH: `dial tcp ${address}: connect: network is unreachable`,
    ETIMEDOUT: `dial tcp ${address}: connect: connection timed out`,
    ECONNRESET: `read tcp ${address}: read: connection reset by peer`,
    EPIPE: 'EOF',
  };
  return texts[error.code ?? ''] ?? (error.message === 'socket hang up' ? 'EOF' : error.message);
}

interface HttpAnswer {
  status: number;
  location: string | undefined;
  body: string;
}

function httpGet(url: URL, headers: Record<string, string>, timeoutMs: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const options = { headers, agent: false as const, rejectUnauthorized: false, signal: AbortSignal.timeout(timeoutMs) };
    const call = send(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (body.length < OUTPUT_BYTES_MAX) body += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, location: response.headers.location, body }));
      response.once('error', reject);
    });
    call.once('error', reject);
    call.end();
  });
}

export async function runHttp(
  action: corev1.HTTPGetAction,
  container: corev1.Container,
  podIp: string,
  timeoutMs: number,
): Promise<HandlerResult> {
  const port = containerPort(action.port as number | string, container);
  const scheme = (action.scheme || 'HTTP').toLowerCase();
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  const first = new URL(`${scheme}://${hostText(action.host || podIp)}:${port}${path}`);
  const headers: Record<string, string> = { 'user-agent': AGENT, accept: '*/*', connection: 'close' };
  for (const { name, value } of action.httpHeaders ?? []) {
    headers[name.toLowerCase()] = value;
    if (value === '' && /^(user-agent|accept)$/i.test(name)) delete headers[name.toLowerCase()];
  }
  let url = first;
  try {
    for (let redirects = 0; ; redirects++) {
      const answer = await httpGet(url, headers, timeoutMs);
      if (answer.status >= 300 && answer.status < 400 && answer.location) {
        const next = new URL(answer.location, url);
        if (next.hostname !== first.hostname)
          return { outcome: 'warning', output: `Probe terminated redirects, Response body: ${answer.body}` };
        if (redirects >= REDIRECTS_MAX) return failure(`Get "${next.href}": stopped after ${REDIRECTS_MAX} redirects`);
        url = next;
        continue;
      }
      if (answer.status >= 200 && answer.status < 400) return success(answer.body);
      return failure(`HTTP probe failed with statuscode: ${answer.status}`);
    }
  } catch (error) {
    const shown = `${first.protocol}//${hostText(action.host || podIp)}:${port}${path}`;
    const name = (error as Error).name;
    const why =
      name === 'TimeoutError' || name === 'AbortError'
        ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        : networkError(error as NodeJS.ErrnoException, `${hostText(action.host || podIp)}:${port}`);
    return failure(`Get "${shown}": ${why}`);
  }
}

export function runTcp(
  action: corev1.TCPSocketAction,
  container: corev1.Container,
  podIp: string,
  timeoutMs: number,
): Promise<HandlerResult> {
  const port = containerPort(action.port as number | string, container);
  const host = action.host || podIp;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (result: HandlerResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => finish(failure(`dial tcp ${hostText(host)}:${port}: i/o timeout`)));
    socket.once('connect', () => finish(success('')));
    socket.once('error', (error) => finish(failure(networkError(error, `${hostText(host)}:${port}`))));
  });
}

const SERVING = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** grpc.health.v1.Health/Check: field 1 of the request is the service, field 1 of the answer the status. */
export function runGrpc(action: corev1.GRPCAction, podIp: string, timeoutMs: number, clock: Clock): Promise<HandlerResult> {
  const service = Buffer.from(action.service ?? '');
  const request = service.length > 0 ? Buffer.concat([Buffer.from([0x0a, service.length]), service]) : Buffer.alloc(0);
  const client = new GrpcClient(`${hostText(podIp)}:${action.port}`, credentials.createInsecure(), { 'grpc.primary_user_agent': AGENT });
  const deadline = new Date(clock.now() + timeoutMs);
  const identity = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', identity, identity, request, { deadline } as never, (error, bytes) => {
      client.close();
      if (error) {
        const code = (error as { code?: number }).code;
        if (code === GrpcCode.UNIMPLEMENTED)
          return resolve(
            failure(`error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.message}`),
          );
        if (code === GrpcCode.DEADLINE_EXCEEDED || code === GrpcCode.UNAVAILABLE) {
          return resolve(
            failure(`timeout: failed to connect service "${podIp}:${action.port}" within ${timeoutMs / 1000}s: context deadline exceeded`),
          );
        }
        return resolve(failure(`error: health rpc probe failed: ${error.message}`));
      }
      const status = bytes && bytes.length >= 2 ? bytes[1]! : 0;
      resolve(status === 1 ? success('service healthy') : failure(`service unhealthy (responded with "${SERVING[status] ?? status}")`));
    });
  });
}

function staticEnvironment(container: corev1.Container): (name: string) => string | undefined {
  const values = new Map((container.env ?? []).filter(({ valueFrom }) => !valueFrom).map(({ name, value }) => [name, value ?? '']));
  return (name) => values.get(name);
}

/** A timeout of zero waits for ever. */
export async function runExec(
  cri: CriClient,
  containerId: string,
  action: corev1.ExecAction,
  container: corev1.Container,
  timeoutSeconds: number,
): Promise<HandlerResult> {
  const command = (action.command ?? []).map((word) => expand(word, staticEnvironment(container)));
  try {
    const { stdout, stderr, exitCode = 0 } = await cri.execSync(containerId, command, timeoutSeconds);
    const output = Buffer.concat([stdout ?? new Uint8Array(), stderr ?? new Uint8Array()])
      .subarray(0, OUTPUT_BYTES_MAX)
      .toString('utf8');
    return exitCode === 0 ? success(output) : failure(output);
  } catch (error) {
    if (error instanceof CriError && (error.code === GrpcCode.DEADLINE_EXCEEDED || /timeout \S+ exceeded/.test(error.detail))) {
      return failure(`command timed out: "${command.join(' ')}" timed out after ${timeoutSeconds}s`);
    }
    throw error;
  }
}
