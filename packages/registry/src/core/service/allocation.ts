// What a Service's write claims and gives back (registry/core/service/storage/{storage,alloc}.go).
import { corev1 } from '@tiphys/api';
import { fieldError, isNotFound, jsonClone, StatusError, statusError } from '@tiphys/machinery';
import type { Claim, ObjectOperations, RuleContext } from '../../define-resource.ts';
import { type Block, parseBlock } from '../../rules/addresses.ts';
import { AllocationError, claimAddress, claimAnyAddress, RangeFullError, releaseAddresses, serviceBlocks } from './addresses.ts';
import { fillFamilies, keepsPreference } from './families.ts';
import { type Family, needsClusterIp, needsHealthCheckPort, needsNodePort, nodePortsOf, sameList, specOf } from './kinds.ts';
import { NodePorts, type PortClaim } from './node-ports.ts';

type Spec = corev1.ServiceSpec;

export const DEFAULT_SERVICE_CIDR = '10.96.0.0/12';
export const DEFAULT_NODE_PORT_RANGE: readonly [number, number] = [30000, 32767];

interface Write {
  service: corev1.Service;
  spec: Spec;
  name: string;
  blocks: Block[];
  context: RuleContext;
  operations: ObjectOperations;
}

const invalid = (name: string, path: string, value: unknown, why: string) =>
  statusError.invalid({ group: '', kind: 'Service' }, name, [fieldError.invalid(path, value, why)]);

/** The Services' share of one server's configuration. */
export function serviceAllocation(cidrs = DEFAULT_SERVICE_CIDR, ports = DEFAULT_NODE_PORT_RANGE) {
  const configured = cidrs.split(',').flatMap((cidr) => parseBlock(cidr.trim()) ?? []);
  const families = [...new Set(configured.map(({ family }): Family => (family === 4 ? 'IPv4' : 'IPv6')))];
  const nodePorts = new NodePorts(ports[0], ports[1]);
  const writeOf = (service: corev1.Service, context: RuleContext, operations: ObjectOperations): Write => {
    const spec = specOf(service);
    service.spec = spec;
    return { service, spec, name: service.metadata?.name ?? '', blocks: serviceBlocks(configured, context), context, operations };
  };

  async function beginCreate(service: corev1.Service, context: RuleContext, operations: ObjectOperations): Promise<Claim> {
    const write = writeOf(service, context, operations);
    const { spec } = write;
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    fillFamilies(spec, undefined, write.name, families);
    const claimed = await claimClusterIps(write);
    return withPorts(write, nodePorts, { claimed, released: [], releasedPorts: () => [] }, (portClaim) => {
      if (needsNodePort(spec)) claimNodePorts(write, portClaim);
      if (needsHealthCheckPort(spec)) claimHealthCheckPort(spec, portClaim);
    });
  }

  async function beginUpdate(
    service: corev1.Service,
    old: corev1.Service,
    context: RuleContext,
    operations: ObjectOperations,
  ): Promise<Claim> {
    const write = writeOf(service, context, operations);
    const { spec } = write;
    const before = specOf(old);
    keepAllocated(spec, before);
    syncClusterIps(spec, before);
    fillFamilies(spec, before, write.name, families);
    const { claimed, released } = await updateClusterIps(write, before);
    const now = () => new Set(portsOf(spec));
    const change = { claimed, released, releasedPorts: () => portsOf(before).filter((port) => !now().has(port)) };
    return withPorts(write, nodePorts, change, (portClaim) => {
      if (needsNodePort(spec)) updateNodePorts(write, before, portClaim);
      if (needsHealthCheckPort(spec) && !needsHealthCheckPort(before)) claimHealthCheckPort(spec, portClaim);
    });
  }

  async function afterDelete(service: corev1.Service, context: RuleContext, operations: ObjectOperations): Promise<void> {
    const { name = '', namespace } = service.metadata ?? {};
    try {
      await operations.delete(corev1.endpoints, name, namespace);
    } catch (error) {
      if (!isNotFound(error)) context.runtime.log.error('deleting the endpoints of a service failed', error, { namespace, name });
    }
    await releaseAddresses(addressesOf(specOf(service)), context, operations);
    await nodePorts.release(portsOf(specOf(service)), context, operations);
  }
  return { beginCreate, beginUpdate, afterDelete };
}

const addressesOf = (spec: Spec) => (needsClusterIp(spec) ? (spec.clusterIPs ?? []).filter((ip) => ip !== 'None') : []);

const portsOf = (spec: Spec): number[] => [
  ...(needsNodePort(spec) ? nodePortsOf(spec) : []),
  ...(needsHealthCheckPort(spec) && spec.healthCheckNodePort ? [spec.healthCheckNodePort] : []),
];

/** What a write has claimed and gives back besides the ports it claims. */
interface Change {
  claimed: readonly string[];
  released: readonly string[];
  /** Known when the ports are. */
  releasedPorts(): readonly number[];
}

/** Claims ports; when that fails, gives back the addresses that were claimed before. */
async function withPorts(
  { spec, context, operations }: Write,
  nodePorts: NodePorts,
  { claimed, released, releasedPorts }: Change,
  claimPorts: (claim: PortClaim) => void,
): Promise<Claim> {
  const { ports, healthCheckNodePort } = jsonClone({ ports: spec.ports, healthCheckNodePort: spec.healthCheckNodePort });
  let claimedPorts: readonly number[] = [];
  const revert = async () => {
    await nodePorts.release(claimedPorts, context, operations);
    await releaseAddresses(claimed, context, operations);
  };
  try {
    if (needsNodePort(spec) || needsHealthCheckPort(spec)) {
      claimedPorts = await nodePorts.claim(context, operations, (claim) => {
        if (ports) spec.ports = jsonClone(ports);
        if (healthCheckNodePort === undefined) delete spec.healthCheckNodePort;
        claimPorts(claim);
      });
    }
  } catch (error) {
    await revert();
    throw error;
  }
  const commit = async () => {
    await nodePorts.release(releasedPorts(), context, operations);
    await releaseAddresses(released, context, operations);
  };
  return { commit, revert };
}

async function claimFamily(write: Write, family: Family, ip: string, wished: readonly string[]): Promise<string> {
  const { name, blocks, context, operations } = write;
  const owner = { namespace: write.service.metadata?.namespace ?? '', name };
  try {
    return await (ip
      ? claimAddress(ip, family, owner, blocks, context, operations)
      : claimAnyAddress(family, owner, blocks, context, operations));
  } catch (error) {
    if (error instanceof RangeFullError) {
      throw statusError.internal(`failed to allocate a serviceIP for Service ${JSON.stringify(name)}: ${error.message}`);
    }
    if (!(error instanceof AllocationError)) throw error;
    throw invalid(name, 'spec.clusterIPs', wished, `failed to allocate IP${ip ? ` ${ip}` : ''}: ${error.message}`);
  }
}

/** Claims the address of every family from the given place on; all or none. */
async function claimClusterIps(write: Write, start = 0): Promise<string[]> {
  const { spec, context, operations } = write;
  if (!needsClusterIp(spec) || spec.clusterIPs?.[0] === 'None') return [];
  const claimed: string[] = [];
  const ips = [...(spec.clusterIPs ?? [])];
  while (ips.length < (spec.ipFamilies?.length ?? 0)) ips.push('');
  const wished = [...ips];
  try {
    for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
      if (i < start) continue;
      const ip = await claimFamily(write, family as Family, ips[i]!, wished);
      claimed.push(ip);
      ips[i] ||= ip;
    }
  } catch (error) {
    await releaseAddresses(claimed, context, operations);
    throw error;
  }
  spec.clusterIPs = ips;
  spec.clusterIP = ips[0];
  return claimed;
}

async function updateClusterIps(write: Write, before: Spec): Promise<{ claimed: string[]; released: string[] }> {
  const { spec } = write;
  if (keepsPreference(spec, before)) return { claimed: [], released: [] };
  if (!needsClusterIp(before)) return { claimed: await claimClusterIps(write), released: [] };
  if (before.clusterIPs?.[0] === 'None') return { claimed: [], released: [] };
  if (!needsClusterIp(spec)) return { claimed: [], released: addressesOf(before) };
  const [count, old] = [spec.ipFamilies?.length ?? 0, before.ipFamilies?.length ?? 0];
  if (old === 1 && count === 2) return { claimed: await claimClusterIps(write, 1), released: [] };
  return { claimed: [], released: old === 2 && count === 1 ? (before.clusterIPs ?? []).slice(1) : [] };
}

/** What the client left out of what was allocated before stays. */
function keepAllocated(spec: Spec, before: Spec): void {
  if (needsClusterIp(spec) && needsClusterIp(before)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP;
    if (!spec.clusterIPs?.length && before.clusterIPs?.length) spec.clusterIPs = [...before.clusterIPs];
  }
  if (needsNodePort(spec) && needsNodePort(before)) {
    const now = new Set(nodePortsOf(spec));
    const byName = new Map((before.ports ?? []).map((port) => [port.name ?? '', port.nodePort]));
    for (const port of spec.ports ?? []) {
      const old = byName.get(port.name ?? '');
      if (!port.nodePort && old && !now.has(old)) port.nodePort = old;
    }
  }
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(before)) spec.healthCheckNodePort ||= before.healthCheckNodePort;
}

/** clusterIP and clusterIPs follow each other when a client knows only one of them. */
function syncClusterIps(spec: Spec, before: Spec): void {
  if (before.clusterIPs?.length && !spec.clusterIPs?.length && before.clusterIP === spec.clusterIP) spec.clusterIPs = before.clusterIPs;
  if (before.clusterIP === spec.clusterIP || !sameList(before.clusterIPs, spec.clusterIPs)) return;
  if (!spec.clusterIP) delete spec.clusterIPs;
  else spec.clusterIPs = [spec.clusterIP];
}

const allocatesNodePorts = (spec: Spec) =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);

function claimPort(write: Write, claim: PortClaim, i: number, port: number): void {
  try {
    claim.claim(port);
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw invalid(write.name, `spec.ports[${i}].nodePort`, port, error.message);
  }
}

function claimAnyPort(claim: PortClaim): number {
  try {
    return claim.claimAny();
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw statusError.internal(`failed to allocate a nodePort: ${error.message}`);
  }
}

/** The same port over several protocols gets the same node port. */
function claimNodePorts(write: Write, claim: PortClaim): void {
  const { spec } = write;
  const byPort = new Map<number, number>();
  const ports = spec.ports ?? [];
  const wishes = new Map<number, number>();
  for (const { port, nodePort } of ports) if (nodePort && !wishes.has(port)) wishes.set(port, nodePort);
  ports.forEach((port, i) => {
    if (!port.nodePort && !allocatesNodePorts(spec)) return;
    const shared = byPort.get(port.port);
    if (shared === undefined) {
      const wished = wishes.get(port.port);
      if (wished) claimPort(write, claim, i, wished);
      port.nodePort = wished ?? claimAnyPort(claim);
      byPort.set(port.port, port.nodePort);
    } else if (!port.nodePort) port.nodePort = shared;
    else if (port.nodePort !== shared) claimPort(write, claim, i, port.nodePort);
  });
}

function updateNodePorts(write: Write, before: Spec, claim: PortClaim): void {
  const { spec } = write;
  const held = new Set(nodePortsOf(before));
  const seen = new Set<string>();
  spec.ports?.forEach((port, i) => {
    if (!port.nodePort) {
      if (!allocatesNodePorts(spec)) return;
      port.nodePort = claimAnyPort(claim);
    } else if (!held.has(port.nodePort)) {
      claimPort(write, claim, i, port.nodePort);
      held.add(port.nodePort);
    }
    const shown = `{${port.protocol} ${port.nodePort}}`;
    if (seen.has(shown)) throw new StatusError(500, '', `duplicate nodePort: ${shown}`);
    seen.add(shown);
  });
}

function claimHealthCheckPort(spec: Spec, claim: PortClaim): void {
  const wished = spec.healthCheckNodePort;
  try {
    if (wished) claim.claim(wished);
    else spec.healthCheckNodePort = claim.claimAny();
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    const what = wished ? `requested HealthCheck NodePort ${wished}` : 'a HealthCheck NodePort 0';
    throw statusError.internal(`failed to allocate ${what}: ${error.message}`);
  }
}
