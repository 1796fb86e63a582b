// pods/exec, pods/attach and pods/portforward: connections that are upgraded and carried on to the node
// (pkg/registry/core/pod/rest/subresources.go).
import type { Duplex } from 'node:stream';
import { type ApiRequest, statusError, type UserInfo } from '@tiphys/machinery';
import type { RequestInfo, SubresourceHandler, UpgradeHandler } from '../interfaces.ts';
import type { ConnectContext } from './context.ts';
import { hostPort, kubeletAddress } from './kubelet.ts';
import { containerOf, path, podOf } from './pod-target.ts';
import { type CommandBackend, type CommandStreams, PROTOCOL_V5, translateCommand } from './translate.ts';
import { tunneledProtocols, tunnelSpdy } from './tunnel.ts';
import { isWebSocket, join, protocolsOf, requestHead } from './upgrade.ts';

const SUBRESOURCES = ['exec', 'attach', 'portforward'] as const;
const VERBS = ['get', 'create'];

const isTrue = (text: string | null) => text !== null && text !== 'false' && text !== '0';

function wanted(query: URLSearchParams): CommandStreams {
  const tty = isTrue(query.get('tty'));
  return { stdin: isTrue(query.get('stdin')), stdout: isTrue(query.get('stdout')), stderr: isTrue(query.get('stderr')), tty };
}

/** The options with the names that the node knows them by. */
function nodeQuery(info: RequestInfo): URLSearchParams {
  const query = new URLSearchParams();
  if (info.subresource === 'portforward') {
    const ports = info.query.getAll('ports').flatMap((list) => list.split(','));
    if (ports.length > 0) query.set('port', ports.join(','));
    return query;
  }
  const { stdin, stdout, stderr, tty } = wanted(info.query);
  if (stdin) query.set('input', '1');
  if (stdout) query.set('output', '1');
  if (stderr) query.set('error', '1');
  if (tty) query.set('tty', '1');
  if (info.subresource === 'exec') for (const word of info.query.getAll('command')) query.append('command', word);
  return query;
}

function backendOf(context: ConnectContext, info: RequestInfo): CommandBackend {
  const reader = context.reader();
  const pod = podOf(reader, info.namespace, info.name);
  const isForward = info.subresource === 'portforward';
  const container = isForward ? '' : containerOf(pod, info.query.get('container') ?? '');
  if (!pod.spec?.nodeName) throw statusError.badRequest(`pod ${info.name} does not have a host assigned`);
  const address = kubeletAddress(reader, pod.spec.nodeName);
  const target = isForward ? path('portForward', info.namespace, info.name) : path(info.subresource, info.namespace, info.name, container);
  const query = nodeQuery(info).toString();
  return { path: query ? `${target}?${query}` : target, host: hostPort(address), connect: () => context.kubelet().connect(address) };
}

/** A WebSocket's handshake is always a GET; who may only get must not run commands by it. */
async function requireCreate(context: ConnectContext, info: RequestInfo, user: UserInfo): Promise<void> {
  if (info.verb === 'create' || !context.authorizer) return;
  const { isResourceRequest, apiGroup, apiVersion, namespace, resource, subresource, name } = info;
  const attributes = {
    user,
    verb: 'create',
    isResourceRequest,
    path: info.path,
    apiGroup,
    apiVersion,
    namespace,
    resource,
    subresource,
    name,
  };
  const decision = await context.authorizer.authorize(attributes);
  if (decision.decision !== 'allow') throw statusError.forbidden({ group: apiGroup, resource }, name, decision.reason);
}

async function upgrade(
  context: ConnectContext,
  request: ApiRequest,
  info: RequestInfo,
  user: UserInfo,
  socket: Duplex,
  head: Uint8Array,
): Promise<void> {
  await requireCreate(context, info, user);
  const backend = backendOf(context, info);
  if (isWebSocket(request) && info.subresource === 'portforward' && tunneledProtocols(request).length > 0) {
    return tunnelSpdy(request, socket, head, backend);
  }
  if (isWebSocket(request) && info.subresource !== 'portforward' && protocolsOf(request).includes(PROTOCOL_V5)) {
    return translateCommand(request, socket, head, backend, wanted(info.query));
  }
  const node = await backend.connect();
  const { method, headers, peer } = request;
  node.write(requestHead({ method, path: backend.path, host: backend.host, headers, forwardedFor: peer?.address ?? '' }));
  if (head.length > 0) node.write(head);
  join(socket, node);
}

/** For those who ask without an upgrade. */
function refuseHandler(context: ConnectContext, subresource: string): SubresourceHandler {
  return {
    group: '',
    resource: 'pods',
    subresource,
    handle: async (_request, info, user) => {
      if (!VERBS.includes(info.verb)) throw statusError.methodNotSupported({ group: '', resource: `pods/${subresource}` }, info.verb);
      await requireCreate(context, info, user);
      backendOf(context, info);
      throw statusError.badRequest('Upgrade request required');
    },
  };
}

export function podStreamHandlers(context: ConnectContext): { subresources: SubresourceHandler[]; upgrades: UpgradeHandler[] } {
  return {
    subresources: SUBRESOURCES.map((subresource) => refuseHandler(context, subresource)),
    upgrades: [
      {
        matches: ({ apiGroup, resource, subresource }) =>
          apiGroup === '' && resource === 'pods' && (SUBRESOURCES as readonly string[]).includes(subresource),
        upgrade: (request, info, user, socket, head) => upgrade(context, request, info, user, socket, head),
      },
    ],
  };
}
