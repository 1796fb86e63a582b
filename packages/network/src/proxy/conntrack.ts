// Connections of UDP services that still lead to endpoints which no longer serve must be forgotten by the kernel,
// or a client that keeps its source port talks to nobody. Follows pkg/proxy/conntrack/cleanup.go.
import type { EndpointSlice, Service } from '../kinds.ts';
import type { RunProgram } from '../run-program.ts';
import { endpointsOf, type Family, proxyPorts } from './service-port.ts';

export interface Flow {
  source: string;
  sourcePort: string;
  destination: string;
  destinationPort: string;
  replySource: string;
  replySourcePort: string;
}

/** Lines of `conntrack -L -p udp`: the original direction's src, dst, sport, dport, then the reply's. */
export function parseFlows(text: string): Flow[] {
  return text.split('\n').flatMap((line) => {
    const values = (name: string) => [...line.matchAll(new RegExp(`\\b${name}=(\\S+)`, 'g'))].map((match) => match[1]!);
    const [source, replySource] = values('src');
    const [destination] = values('dst');
    const [sourcePort, replySourcePort] = values('sport');
    const [destinationPort] = values('dport');
    if (!source || !destination || !sourcePort || !destinationPort || !replySource || !replySourcePort) return [];
    return { source, sourcePort, destination, destinationPort, replySource, replySourcePort };
  });
}

/** The flows to one service that lead to an endpoint that serves no longer. A service without any keeps its flows. */
export function staleFlows(flows: readonly Flow[], service: Service, slices: readonly EndpointSlice[], family: Family): Flow[] {
  const stale = new Set<Flow>();
  for (const port of proxyPorts(service, family)) {
    if (port.protocol !== 'udp') continue;
    const serving = endpointsOf(port, slices, '', family).filter((endpoint) => endpoint.serving);
    if (serving.length === 0) continue;
    const targets = new Set(serving.map((endpoint) => `${endpoint.ip} ${endpoint.port}`));
    const addresses = new Set([port.clusterIp, ...port.externalIps, ...port.loadBalancerIps]);
    for (const flow of flows) {
      const toService = addresses.has(flow.destination) && flow.destinationPort === String(port.port);
      const toNodePort = port.nodePort !== 0 && flow.destinationPort === String(port.nodePort);
      if ((toService || toNodePort) && !targets.has(`${flow.replySource} ${flow.replySourcePort}`)) stale.add(flow);
    }
  }
  return [...stale];
}

export const hasUdp = (service: Service) => (service.spec?.ports ?? []).some((port) => port.protocol === 'UDP');

/** Looks at the kernel's flows once and deletes the stale ones of these services. */
export async function cleanFlows(
  run: RunProgram,
  family: Family,
  world: readonly { service: Service; slices: readonly EndpointSlice[] }[],
): Promise<number> {
  const flows = parseFlows(await run('conntrack', ['-L', '-f', family === 4 ? 'ipv4' : 'ipv6', '-p', 'udp']));
  const stale = world.flatMap(({ service, slices }) => staleFlows(flows, service, slices, family));
  let deleted = 0;
  for (const flow of stale) {
    const args = ['-D', '-p', 'udp', '--orig-src', flow.source, '--orig-dst', flow.destination];
    args.push('--sport', flow.sourcePort, '--dport', flow.destinationPort);
    // A flow that ended by itself in the meantime is no failure.
    deleted += await run('conntrack', args).then(
      () => 1,
      () => 0,
    );
  }
  return deleted;
}
