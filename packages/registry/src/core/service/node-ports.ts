// Allocation of NodePorts: claimed are those of the stored Services and of one record that all servers write to, in which a port
// stands from before its Service is stored until after that is gone (registry/core/service/portallocator and its repair loop).
import { corev1 } from '@tiphys/api';
import type { ObjectOperations, RuleContext } from '../../define-resource.ts';
import { AllocationError, RangeFullError } from './addresses.ts';
import { needsHealthCheckPort, nodePortsOf, specOf } from './kinds.ts';
import { portsOfRecord, recordOfPorts } from './port-record.ts';

const OFFSET_MIN = 16;
const OFFSET_MAX = 128;
const OFFSET_STEP = 32;
const BEFORE_DUMMIES = 32_768;
const RECORD = 'servicenodeports';
/** A port in the record that no Service has was left there by a server that died; upstream's repair looks three times, every three minutes. */
const LEAK_MS = 9 * 60_000;

/** The ports of a range, as one server sees them. */
export class NodePorts {
  readonly #first: number;
  readonly #last: number;
  /** Since when a port stands in the record without a Service. */
  readonly #orphans = new Map<number, number>();

  constructor(first: number, last: number) {
    this.#first = first;
    this.#last = last;
  }

  /** `pick` claims ports, again from the start should another server have claimed some meanwhile. Resolves with those claimed. */
  async claim(context: RuleContext, operations: ObjectOperations, pick: (claim: PortClaim) => void): Promise<readonly number[]> {
    let claimed: readonly number[] = [];
    await operations.updateRange(RECORD, (current) => {
      const stored = storedPorts(context);
      const recorded = this.#withoutLeaks(portsOfRecord(current, this.#first, this.#last), stored, context.runtime.clock.monotonicMs());
      const claim = new PortClaim(this.#first, this.#last, recorded.union(stored), context);
      pick(claim);
      claimed = claim.claimed;
      if (claimed.length === 0 || context.dryRun) return undefined;
      return recordOfPorts(recorded.union(new Set(claimed)), this.#first, this.#last);
    });
    return claimed;
  }

  /** Gives ports back. */
  async release(ports: readonly number[], context: RuleContext, operations: ObjectOperations): Promise<void> {
    if (ports.length === 0 || context.dryRun) return;
    await operations.updateRange(RECORD, (current) => {
      const recorded = portsOfRecord(current, this.#first, this.#last);
      const left = recorded.difference(new Set(ports));
      return left.size === recorded.size ? undefined : recordOfPorts(left, this.#first, this.#last);
    });
  }

  #withoutLeaks(recorded: ReadonlySet<number>, stored: ReadonlySet<number>, nowMs: number): Set<number> {
    const orphans = recorded.difference(stored);
    for (const port of this.#orphans.keys()) if (!orphans.has(port)) this.#orphans.delete(port);
    for (const port of orphans) if (!this.#orphans.has(port)) this.#orphans.set(port, nowMs);
    return new Set([...recorded].filter((port) => nowMs - (this.#orphans.get(port) ?? nowMs) < LEAK_MS));
  }
}

function storedPorts({ reader }: RuleContext): Set<number> {
  const ports = new Set<number>();
  for (const service of reader.list(corev1.services)) {
    const spec = specOf(service);
    for (const used of nodePortsOf(spec)) ports.add(used);
    if (needsHealthCheckPort(spec) && spec.healthCheckNodePort) ports.add(spec.healthCheckNodePort);
  }
  return ports;
}

/** The ports that one write claims. */
export class PortClaim {
  readonly claimed: number[] = [];
  readonly #first: number;
  readonly #last: number;
  readonly #taken: Set<number>;
  readonly #context: RuleContext;

  /** `taken` becomes the claim's own. */
  constructor(first: number, last: number, taken: Set<number>, context: RuleContext) {
    this.#first = first;
    this.#last = last;
    this.#taken = taken;
    this.#context = context;
  }

  #claim(port: number): void {
    this.claimed.push(port);
    this.#taken.add(port);
  }

  /** A dry run asks only whether the port is taken: upstream's would say so of none outside the range. */
  claim(port: number): void {
    if (this.#context.dryRun) {
      if (this.#taken.has(port)) throw new AllocationError('provided port is already allocated');
      this.#claim(port);
      return;
    }
    if (port < this.#first || port > this.#last) {
      throw new AllocationError(`provided port is not in the valid range. The range of valid ports is ${this.#first}-${this.#last}`);
    }
    if (this.#taken.has(port)) throw new AllocationError('provided port is already allocated');
    this.#claim(port);
  }

  /** A dry run shows the port after those that it has shown, whoever has it (portallocator/operation.go). */
  #claimDummy(): number {
    const port = Math.max(...(this.claimed.length > 0 ? this.claimed : [BEFORE_DUMMIES])) + 1;
    this.#claim(port);
    return port;
  }

  /** A free port, from a random place on; low ports last, so that they stay free for those who name them. */
  claimAny(): number {
    if (this.#context.dryRun) return this.#claimDummy();
    const size = this.#last - this.#first + 1;
    const offset = size < OFFSET_MIN ? 0 : Math.min(Math.max(OFFSET_MIN, Math.floor(size / OFFSET_STEP)), OFFSET_MAX);
    for (const [from, count] of [
      [this.#first + offset, size - offset],
      [this.#first, offset],
    ] as const) {
      const start = Math.floor(this.#context.runtime.random.number() * count);
      for (let i = 0; i < count; i++) {
        const port = from + ((start + i) % count);
        if (this.#taken.has(port)) continue;
        this.#claim(port);
        return port;
      }
    }
    throw new RangeFullError('range is full');
  }
}
