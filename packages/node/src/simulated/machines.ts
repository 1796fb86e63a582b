// Made-up machines: each simulated node has an address and a range for its pods, all different and outside the ranges that
// clusters use by default.
import { createHash } from 'node:crypto';
import { invariant } from '@tiphys/std';
import type { MachineFacts } from '../node/machine.ts';
import { type NodeFacts, PODS_MAX } from '../node/node-object.ts';

export const NODES_MAX = 32_768;
const CPUS = 32;
const MEMORY_BYTES = 256 * 1024 ** 3;
const STORAGE_BYTES = 1024 * 1024 ** 3;
/** Room of a /24 without network, gateway and broadcast. */
export const ADDRESSES_PER_NODE = 253;

export const RUNTIME_VERSION = 'simulated://0.1.0';

const FIRST_HOST = 2;
const BYTE = 256;

/** From 100.64.0.0/10, which carriers use between themselves. */
export const nodeAddress = (index: number): string =>
  `100.${64 + Math.floor(index / (BYTE * BYTE))}.${Math.floor(index / BYTE) % BYTE}.${index % BYTE}`;

const podPrefix = (index: number) => `10.${128 + Math.floor(index / BYTE)}.${index % BYTE}`;

/** A /24 of 10.128.0.0/9. */
export const podRange = (index: number): string => `${podPrefix(index)}.0/24`;
export const podAddress = (index: number, slot: number): string => `${podPrefix(index)}.${FIRST_HOST + slot}`;

/** The slot of an address in the node's range; undefined for one of another range. */
export function slotOf(index: number, address: string): number | undefined {
  const prefix = `${podPrefix(index)}.`;
  return address.startsWith(prefix) ? Number(address.slice(prefix.length)) - FIRST_HOST : undefined;
}

/** 32 hexadecimal digits that follow from the text. */
const identity = (text: string) => createHash('md5').update(text).digest('hex');
const uuid = (hex: string) => `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

function machine(name: string, index: number): MachineFacts {
  return {
    hostname: name,
    address: nodeAddress(index),
    architecture: 'amd64',
    cpus: CPUS,
    memoryBytes: MEMORY_BYTES,
    ephemeralStorageBytes: STORAGE_BYTES,
    machineId: identity(`machine ${name}`),
    systemUuid: uuid(identity(`system ${name}`)),
    bootId: uuid(identity(`boot ${name}`)),
    kernel: 'simulated',
    osImage: 'Simulated',
  };
}

/** Nothing listens on a simulated node: its port is 0. */
export function simulatedFacts(name: string, index: number): NodeFacts {
  invariant(index < NODES_MAX && PODS_MAX <= ADDRESSES_PER_NODE, `there is room for ${NODES_MAX} simulated nodes`);
  return {
    name,
    machine: machine(name, index),
    address: nodeAddress(index),
    runtimeVersion: RUNTIME_VERSION,
    port: 0,
    podCidr: podRange(index),
    images: [],
    volumesInUse: [],
    problems: [],
    labels: { 'tiphys.dev/simulated': 'true' },
  };
}
