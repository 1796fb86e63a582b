// Allocation of ClusterIPs: an IPAddress object of the address's name is the claim, and whoever creates it first has it
// (registry/core/service/ipallocator/{ipallocator,cidrallocator}.go).
import { networkingv1 } from '@tiphys/api';
import { isAlreadyExists, isNotFound } from '@tiphys/machinery';
import type { ObjectOperations, RuleContext } from '../../define-resource.ts';
import { type Address, addressText, type Block, blockHas, blockText, parseAddress, parseBlock } from '../../rules/addresses.ts';
import type { Family } from './kinds.ts';

/** Addresses tried before the range counts as full; a range larger than that has holes elsewhere. */
export const ADDRESS_ATTEMPTS_MAX = 1 << 16;
const OFFSET_MIN = 16n;
const OFFSET_MAX = 256n;
const OFFSET_STEP = 16n;

export class AllocationError extends Error {
  override name = 'AllocationError';
}
export class RangeFullError extends AllocationError {}

export interface Owner {
  namespace: string;
  name: string;
}

interface Range {
  block: Block;
  first: bigint;
  last: bigint;
  /** Dynamic allocation begins above, so that low addresses stay free for those who name them. */
  offset: bigint;
}

function rangeOf(block: Block): Range {
  const bits = BigInt((block.family === 4 ? 32 : 128) - block.prefix);
  const size = 1n << bits;
  const first = block.base + 1n;
  const last = block.base + size - (block.family === 4 ? 2n : 1n);
  const wanted = size / OFFSET_STEP;
  const offset = size < OFFSET_MIN ? 0n : wanted < OFFSET_MIN ? OFFSET_MIN : wanted > OFFSET_MAX ? OFFSET_MAX : wanted;
  return { block, first, last, offset };
}

/** The ranges to allocate from: the configured ones and those of ServiceCIDR objects that are not going away. */
export function serviceBlocks(configured: readonly Block[], context: RuleContext): Block[] {
  const blocks = new Map(configured.map((block) => [blockText(block), block]));
  for (const { metadata, spec } of context.reader.list(networkingv1.servicecidrs)) {
    if (metadata?.deletionTimestamp) {
      continue;
    }
    for (const cidr of spec?.cidrs ?? []) {
      const block = parseBlock(cidr);
      if (block) blocks.set(blockText(block), block);
    }
  }
  return [...blocks.values()];
}

const familyNumber = (family: Family) => (family === 'IPv4' ? 4 : 6);
const ofFamily = (blocks: readonly Block[], family: Family) => blocks.filter((block) => block.family === familyNumber(family));

async function claim(name: string, family: Family, owner: Owner, context: RuleContext, operations: ObjectOperations): Promise<boolean> {
  if (context.reader.get(networkingv1.ipaddresses, name)) return false;
  if (owner.name === '')
    throw new AllocationError(`IPAddress.networking.k8s.io ${JSON.stringify(name)} is invalid: spec.parentRef.name: Required value`);
  try {
    await operations.create(networkingv1.ipaddresses, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: {
        name,
        labels: { 'ipaddress.kubernetes.io/ip-family': family, 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' },
      },
      spec: { parentRef: { group: '', resource: 'services', namespace: owner.namespace, name: owner.name } },
    });
    return true;
  } catch (error) {
    if (isAlreadyExists(error)) return false;
    throw error;
  }
}

/** Claims a given address. A dry run asks one range of the family whether it could be there, not whether somebody has it. */
export async function claimAddress(
  ip: string,
  family: Family,
  owner: Owner,
  blocks: readonly Block[],
  context: RuleContext,
  operations: ObjectOperations,
): Promise<string> {
  const address = parseAddress(ip) as Address;
  const candidates = context.dryRun ? ofFamily(blocks, family).slice(0, 1) : blocks.filter((candidate) => blockHas(candidate, address));
  const block = candidates[0];
  if (!block) throw new AllocationError('the provided network does not match the current range');
  const { first, last } = rangeOf(block);
  if (address.value < first || address.value > last) {
    const shown = addressText(address.family, address.value);
    throw new AllocationError(`the provided IP (${shown}) is not in the valid range. The range of valid IPs is ${blockText(block)}`);
  }
  const name = addressText(address.family, address.value);
  if (context.dryRun) return name;
  if (!(await claim(name, family, owner, context, operations))) throw new AllocationError('provided IP is already allocated');
  return name;
}

/** Claims any free address, from a random place on. A dry run shows the range's own, which nobody gets. */
export async function claimAnyAddress(
  family: Family,
  owner: Owner,
  blocks: readonly Block[],
  context: RuleContext,
  operations: ObjectOperations,
): Promise<string> {
  for (const block of ofFamily(blocks, family)) {
    if (context.dryRun) return addressText(block.family, block.base);
    const { first, last, offset } = rangeOf(block);
    const middle = first + offset > last ? first : first + offset;
    for (const [from, to] of [
      [middle, last],
      [first, middle - 1n],
    ] as const) {
      const size = to - from + 1n;
      if (size <= 0n) continue;
      const start = BigInt(Math.floor(context.runtime.random.number() * Number(size)));
      for (let i = 0n; i < size && i < ADDRESS_ATTEMPTS_MAX; i++) {
        const name = addressText(block.family, from + ((start + i) % size));
        if (await claim(name, family, owner, context, operations)) return name;
      }
    }
  }
  throw new RangeFullError('range is full');
}

/** Gives addresses back. One that is gone already is fine. */
export async function releaseAddresses(ips: readonly string[], context: RuleContext, operations: ObjectOperations): Promise<void> {
  if (context.dryRun) return;
  for (const ip of ips) {
    const address = parseAddress(ip);
    if (!address) continue;
    try {
      await operations.delete(networkingv1.ipaddresses, addressText(address.family, address.value));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
