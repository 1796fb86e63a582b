// Allocation of NodePorts: used are those of the stored Services and of writes under way
// (registry/core/service/portallocator/{allocator,operation}.go).
import { corev1 } from '@tiphys/api';
import type { RuleContext } from '../../define-resource.ts';
import { AllocationError, RangeFullError } from './addresses.ts';
import { needsHealthCheckPort, nodePortsOf, specOf } from './kinds.ts';

const OFFSET_MIN = 16;
const OFFSET_MAX = 128;
const OFFSET_STEP = 32;

/** The ports of one server. A port is in flight from its claim until its Service is in the store, or is not to be. */
export class NodePorts {
  readonly #first: number;
  readonly #last: number;
  readonly #inFlight = new Set<number>();

  constructor(first: number, last: number) {
    this.#first = first;
    this.#last = last;
  }

  begin(context: RuleContext): PortClaim {
    return new PortClaim(this.#first, this.#last, this.#inFlight, context);
  }
}

/** The ports that one write claims. */
export class PortClaim {
  readonly #first: number;
  readonly #last: number;
  readonly #inFlight: Set<number>;
  readonly #context: RuleContext;
  readonly #claimed: number[] = [];
  #stored: Set<number> | undefined;

  constructor(first: number, last: number, inFlight: Set<number>, context: RuleContext) {
    this.#first = first;
    this.#last = last;
    this.#inFlight = inFlight;
    this.#context = context;
  }

  #isTaken(port: number): boolean {
    if (!this.#stored) {
      this.#stored = new Set();
      for (const service of this.#context.reader.list(corev1.services)) {
        const spec = specOf(service);
        for (const used of nodePortsOf(spec)) this.#stored.add(used);
        if (needsHealthCheckPort(spec) && spec.healthCheckNodePort) this.#stored.add(spec.healthCheckNodePort);
      }
    }
    return this.#stored.has(port) || this.#inFlight.has(port);
  }

  #claim(port: number): void {
    this.#claimed.push(port);
    this.#inFlight.add(port);
  }

  claim(port: number): void {
    if (port < this.#first || port > this.#last) {
      throw new AllocationError(`provided port is not in the valid range. The range of valid ports is ${this.#first}-${this.#last}`);
    }
    if (this.#isTaken(port)) throw new AllocationError('provided port is already allocated');
    this.#claim(port);
  }

  /** A free port, from a random place on; low ports last, so that they stay free for those who name them. */
  claimAny(): number {
    const size = this.#last - this.#first + 1;
    const offset = size < OFFSET_MIN ? 0 : Math.min(Math.max(OFFSET_MIN, Math.floor(size / OFFSET_STEP)), OFFSET_MAX);
    for (const [from, count] of [
      [this.#first + offset, size - offset],
      [this.#first, offset],
    ] as const) {
      const start = Math.floor(this.#context.runtime.random.number() * count);
      for (let i = 0; i < count; i++) {
        const port = from + ((start + i) % count);
        if (this.#isTaken(port)) continue;
        this.#claim(port);
        return port;
      }
    }
    throw new RangeFullError('range is full');
  }

  /** The Service is stored, or the write has failed: the store says from now on what is taken. */
  finish(): void {
    for (const port of this.#claimed) this.#inFlight.delete(port);
    this.#claimed.length = 0;
  }
}
