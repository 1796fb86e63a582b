// Gives each node its part of the pods' network (pkg/controller/nodeipam/ipam/range_allocator.go). Off unless asked for, as
// without --allocate-node-cidrs: our own nodes bring their range themselves.
import { corev1 } from '@tiphys/api';
import { CidrValue, IpValue, readNetwork } from '@tiphys/machinery';
import { invariant } from '@tiphys/std';
import { type Action, normal, note, patch } from '../runtime/actions.ts';
import { type Controller, defineController } from '../runtime/controller.ts';
import { isDeleting, nameOf } from '../runtime/objects.ts';

export interface NodeIpamOptions {
  /** --cluster-cidr */
  clusterCidr: string;
  /** --node-cidr-mask-size; 24 for IPv4 and 64 for IPv6. */
  maskSize?: number;
  /** Its addresses are left out where the ranges meet. */
  serviceCidr?: string;
  /** Parts that nodes bring themselves and may not have registered with yet. */
  taken?: readonly string[];
}

const IPV4_MASK = 24;
const IPV6_MASK = 64;
const GIVEN = 'given';
const LAST = 'last';

const holds = (outer: CidrValue, inner: CidrValue) => outer.length <= inner.length && outer.contains(inner.ip);

/** The parts of a network, by number. */
export function parts(
  clusterCidr: string,
  maskSize?: number,
): { count: number; at(index: number): CidrValue; indexOf(cidr: string): number } {
  const whole = readNetwork(clusterCidr)?.masked;
  invariant(whole, `not a network: ${clusterCidr}`);
  const { family, bits } = whole.ip;
  const length = maskSize ?? (family === 4 ? IPV4_MASK : IPV6_MASK);
  invariant(length >= whole.length, `New CIDR set failed; the node CIDR size is too big`);
  const host = BigInt((family === 4 ? 32 : 128) - length);
  return {
    count: 2 ** Math.min(length - whole.length, 16),
    at: (index) => new CidrValue(new IpValue(family, bits + (BigInt(index) << host)), length),
    indexOf: (cidr) => {
      const part = readNetwork(cidr);
      return part && whole.contains(part.ip) ? Number((part.ip.bits - bits) >> host) : -1;
    },
  };
}

export function nodeIpamController(options: NodeIpamOptions): Controller<corev1.Node> {
  const pool = parts(options.clusterCidr, options.maskSize);
  const services = options.serviceCidr ? readNetwork(options.serviceCidr) : undefined;
  const taken = (options.taken ?? []).map(pool.indexOf);
  const isFree = (part: CidrValue) => !services || !(holds(services, part) || holds(part, services));
  return defineController<corev1.Node>({
    name: 'node-controller',
    eventSource: 'cidrAllocator',
    for: corev1.nodes,
    // One at a time, so that two nodes never get the same part.
    concurrency: 1,
    plan({ object: node, list, note: noted }) {
      if (isDeleting(node) || (node.spec?.podCIDRs?.length ?? 0) > 0 || node.spec?.podCIDR) return [];
      const nodes = list(corev1.nodes);
      const names = new Map(nodes.map((each) => [nameOf(each), each]));
      // What was given and is not in the cache yet.
      const given = new Map(
        [...((noted(GIVEN) as Map<string, number> | undefined) ?? [])].filter(
          ([name]) => !names.get(name)?.spec?.podCIDR && names.has(name),
        ),
      );
      const used = new Set([...taken, ...given.values(), ...nodes.flatMap(({ spec }) => (spec?.podCIDRs ?? []).map(pool.indexOf))]);
      const mine = given.get(nameOf(node));
      const start = ((noted(LAST) as number | undefined) ?? -1) + 1;
      const order = Array.from({ length: pool.count }, (_, step) => (start + step) % pool.count);
      const index = mine ?? order.find((each) => !used.has(each) && isFree(pool.at(each)));
      if (index === undefined) return [normal('CIDRNotAvailable', `Node ${nameOf(node)} status is now: CIDRNotAvailable`)];
      const cidr = String(pool.at(index));
      const body = { spec: { podCIDR: cidr, podCIDRs: [cidr] } };
      const actions: Action[] = [note(GIVEN, new Map(given).set(nameOf(node), index)), note(LAST, index)];
      return [...actions, patch(corev1.nodes, node, 'strategic', body, `${cidr} is free`)];
    },
  });
}
