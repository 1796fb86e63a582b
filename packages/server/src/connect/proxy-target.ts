// Where a proxy request goes: `name`, `name:port` or `scheme:name:port` of a pod, a service or a node
// (pod and node strategy.go ResourceLocation, service/storage/storage.go ResourceLocation).
import { corev1, discoveryv1 } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Random } from '@tiphys/runtime';
import { kubeletAddress } from './kubelet.ts';
import { podOf } from './pod-target.ts';

export interface ProxyTarget {
  scheme: 'http' | 'https';
  host: string;
  /** 0: the scheme's own. */
  port: number;
  /** The node's own server: reached with the API server's certificate. */
  kubelet: boolean;
}

interface Parts {
  scheme: string;
  name: string;
  port: string;
}

/** Throws BadRequest for what isn't one of the forms. */
export function splitId(id: string, kind: string): Parts {
  const parts = id.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : ['', ...parts];
  if (parts.length > 3 || !name || !['', 'http', 'https'].includes(scheme!)) {
    throw statusError.badRequest(`invalid ${kind} request ${JSON.stringify(id)}`);
  }
  return { scheme: scheme!, name, port: port ?? '' };
}

const schemeOf = (parts: Parts) => (parts.scheme === 'https' ? 'https' : 'http');

/** Loopback, link-local and multicast addresses are not for callers to reach through this server. */
export function isProxyable(ip: string): boolean {
  if (ip === '' || ip === '0.0.0.0' || ip === '::' || ip === '::1') return false;
  if (/^(127\.|169\.254\.|22[4-9]\.|23\d\.|255\.255\.255\.255)/.test(ip)) return false;
  return !/^(fe[89ab]|ff)/i.test(ip);
}

function podTarget(reader: ResourceReader, namespace: string, id: string): ProxyTarget {
  const parts = splitId(id, 'pod');
  const pod = podOf(reader, namespace, parts.name);
  const declared = pod.spec?.containers?.flatMap((container) => container.ports ?? [])[0]?.containerPort;
  const ip = pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? '';
  if (!isProxyable(ip)) throw statusError.badRequest('address not allowed');
  const port = parts.port === '' ? (declared ?? 0) : Number(parts.port);
  if (!Number.isInteger(port)) throw statusError.badRequest(`invalid pod request ${JSON.stringify(id)}`);
  return { scheme: schemeOf(parts), host: ip, port, kubelet: false };
}

/** Addresses of ready pods behind a port of the service. Only pods: a slice may name any address. */
function serviceAddresses(reader: ResourceReader, namespace: string, name: string, portName: string): { host: string; port: number }[] {
  const slices = reader
    .list(discoveryv1.endpointslices, namespace)
    .filter((slice) => slice.metadata?.labels?.['kubernetes.io/service-name'] === name && slice.addressType !== 'FQDN');
  return slices.flatMap((slice) =>
    (slice.ports ?? [])
      .filter((port) => (port.name ?? '') === portName && port.port)
      .flatMap((port) =>
        (slice.endpoints ?? []).flatMap((endpoint) => {
          const pod = endpoint.targetRef?.kind === 'Pod' ? reader.get(corev1.pods, endpoint.targetRef.name ?? '', namespace) : undefined;
          const ip = endpoint.addresses?.[0] ?? '';
          const isPods = pod?.status?.podIPs?.some((each) => each.ip === ip) || pod?.status?.podIP === ip;
          return endpoint.conditions?.ready !== false && isPods ? [{ host: ip, port: port.port! }] : [];
        }),
      ),
  );
}

function serviceTarget(reader: ResourceReader, random: Random, namespace: string, id: string): ProxyTarget {
  const parts = splitId(id, 'service');
  const service = reader.get(corev1.services, parts.name, namespace);
  if (!service) throw statusError.notFound({ group: '', resource: /^\d+$/.test(parts.port) ? 'services' : 'endpoints' }, parts.name);
  let portName = parts.port;
  if (/^\d+$/.test(portName)) {
    const port = service.spec?.ports?.find((each) => each.port === Number(parts.port));
    if (!port) throw statusError.serviceUnavailable(`no service port ${parts.port} found for service ${JSON.stringify(parts.name)}`);
    portName = port.name ?? '';
  }
  const found = serviceAddresses(reader, namespace, parts.name, portName);
  const chosen = found[Math.floor(random.number() * found.length)];
  if (!chosen) throw statusError.serviceUnavailable(`no endpoints available for service ${JSON.stringify(id)}`);
  return { scheme: schemeOf(parts), ...chosen, kubelet: false };
}

function nodeTarget(reader: ResourceReader, id: string): ProxyTarget {
  const parts = splitId(id, 'node');
  const address = kubeletAddress(reader, parts.name);
  if (parts.port === '' || Number(parts.port) === address.port) return { scheme: 'https', ...address, kubelet: true };
  if (!isProxyable(address.host)) throw statusError.badRequest('address not allowed');
  return { scheme: schemeOf(parts), host: address.host, port: Number(parts.port), kubelet: false };
}

export function proxyTarget(reader: ResourceReader, random: Random, resource: string, namespace: string, id: string): ProxyTarget {
  if (resource === 'pods') return podTarget(reader, namespace, id);
  if (resource === 'services') return serviceTarget(reader, random, namespace, id);
  return nodeTarget(reader, id);
}
