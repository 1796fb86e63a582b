// How the API server reaches the nodes' servers: where they listen, by the node's status, and with which certificate it
// comes (pkg/kubelet/client/kubelet_client.go).
import { Agent } from 'node:https';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { corev1 } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';

export interface KubeletTls {
  /** The API server's client certificate and key for nodes. */
  cert: string | Uint8Array;
  key: string | Uint8Array;
  /** The authority of the nodes' serving certificates. */
  ca: string | Uint8Array;
}

export interface KubeletAddress {
  host: string;
  port: number;
}

const KUBELET_PORT_DEFAULT = 10_250;
const ADDRESS_TYPES = ['InternalIP', 'ExternalIP', 'InternalDNS', 'ExternalDNS', 'Hostname'];
const SOCKETS_PER_NODE_MAX = 256;
const CONNECT_MS_MAX = 30_000;

/** Nodes that only pretend to run pods say so with this label: nobody listens there, and a caller must not wait for it. */
const SIMULATED_LABEL = 'tiphys.dev/simulated';

/** Throws NotFound for a node that isn't there, NotImplemented for a simulated one, and InternalError for one without an address. */
export function kubeletAddress(reader: ResourceReader, nodeName: string): KubeletAddress {
  const node = reader.get(corev1.nodes, nodeName);
  if (!node) throw statusError.notFound({ group: '', resource: 'nodes' }, nodeName);
  if (node.metadata?.labels?.[SIMULATED_LABEL] === 'true') {
    throw statusError.notImplemented(`node ${nodeName} is simulated: its pods have no logs, run no commands and can't be reached`);
  }
  const addresses = node.status?.addresses ?? [];
  for (const type of ADDRESS_TYPES) {
    const found = addresses.find((address) => address.type === type && address.address);
    if (found) return { host: found.address, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port || KUBELET_PORT_DEFAULT };
  }
  throw statusError.internal(`no preferred addresses found; known addresses: [${addresses.map((address) => address.address).join(' ')}]`);
}

/** `host:port`, with brackets around IPv6. */
export const hostPort = ({ host, port }: KubeletAddress) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

export interface KubeletConnector {
  /** For ordinary requests. */
  agent: Agent;
  /** A fresh connection for an upgrade. */
  connect(address: KubeletAddress): Promise<TLSSocket>;
  close(): void;
}

const buffer = (bytes: string | Uint8Array) => (typeof bytes === 'string' ? bytes : Buffer.from(bytes));

export function kubeletConnector(tls: KubeletTls): KubeletConnector {
  const options = { cert: buffer(tls.cert), key: buffer(tls.key), ca: buffer(tls.ca) };
  const agent = new Agent({ ...options, keepAlive: true, maxSockets: SOCKETS_PER_NODE_MAX });
  return {
    agent,
    connect: (address) =>
      new Promise((resolve, reject) => {
        const socket = tlsConnect({ ...options, host: address.host, port: address.port, ALPNProtocols: ['http/1.1'] });
        socket.setTimeout(CONNECT_MS_MAX, () => socket.destroy(new Error('timed out')));
        socket.once('error', (error) => reject(statusError.internal(`error dialing backend: ${error.message}`, error)));
        socket.once('secureConnect', () => {
          socket.setTimeout(0);
          socket.setNoDelay(true);
          resolve(socket);
        });
      }),
    close: () => agent.destroy(),
  };
}
