// Fair queuing in one priority level: who may go on at once, who waits in which queue, and whose turn comes next
// (apiserver pkg/util/flowcontrol/fairqueuing/queueset). A queue's virtual start says how much it was served already.
import { Demand } from './demand.ts';

/** What a request is expected to take, until it is known. */
const SERVICE_ESTIMATE_MS = 3;

export interface QueuingConfiguration {
  /** 0: whoever finds no seat is turned away. -1: there is no limit at all. */
  queues: number;
  queueLength: number;
  handSize: number;
}

/** What a request occupies, and what it is charged beyond that for work that it makes others do. */
export interface Work {
  seats: number;
  extraSeatMs: number;
}

export type Rejection = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

/** A request that executes. */
export interface Seated {
  readonly queue: Queue | undefined;
  readonly seats: number;
  readonly startMs: number;
}

interface Waiting {
  work: Work;
  totalWork: number;
  /** The virtual time of its arrival. */
  arrival: number;
  seat(seated: Seated): void;
}

interface Queue {
  waiting: Waiting[];
  waitingWork: number;
  executing: number;
  virtualStart: number;
}

export class QueueSet {
  limit = 0;
  executing = 0;
  seatsInUse = 0;
  waiting = 0;
  seatsWaiting = 0;
  readonly demand: Demand;
  readonly #nowMs: () => number;
  #configuration: QueuingConfiguration = { queues: 0, queueLength: 0, handSize: 1 };
  #queues: Queue[] = [];
  /** Queues with requests, waiting or executing. */
  #active = 0;
  /** Virtual time, in seat-milliseconds that each active queue could have had. */
  #virtualNow = 0;
  #lastMs: number;
  #enqueues = 0;
  #robin = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#lastMs = nowMs();
    this.demand = new Demand(this.#lastMs);
  }

  get idle(): boolean {
    return this.waiting === 0 && this.executing === 0;
  }

  configure(configuration: QueuingConfiguration, limit: number): void {
    this.#configuration = configuration;
    this.limit = limit;
    // Queues that are no longer wanted are dealt to nobody and run empty.
    while (this.#queues.length < configuration.queues) {
      this.#queues.push({ waiting: [], waitingWork: 0, executing: 0, virtualStart: 0 });
    }
    this.#dispatch(this.#sync());
  }

  /** A seat now; or a place in a queue, from which `seat` is called later unless it is left before; or why not. */
  enter(hand: readonly number[], work: Work, seat: (seated: Seated) => void): Seated | Rejection | { leave(): void } {
    const nowMs = this.#sync();
    const { queues } = this.#configuration;
    if (queues < 1) return this.#fits(work.seats) ? this.#seated(undefined, work, nowMs) : 'concurrency-limit';
    const queue = this.#queues[this.#chosen(hand)]!;
    const isFull = this.seatsInUse >= this.limit;
    if (isFull && queue.waiting.length >= this.#configuration.queueLength) return 'queue-full';
    const totalWork = work.seats * SERVICE_ESTIMATE_MS + work.extraSeatMs;
    if (queue.executing === 0 && queue.waiting.length === 0) {
      queue.virtualStart = this.#virtualNow;
      this.#active++;
    }
    if (this.waiting === 0 && !isFull && this.#fits(work.seats)) {
      if (queue.virtualStart < this.#virtualNow) queue.virtualStart = this.#virtualNow;
      queue.virtualStart += totalWork;
      return this.#seated(queue, work, nowMs);
    }
    let early: Seated | undefined;
    let isEarly = true;
    const one: Waiting = {
      work,
      totalWork,
      arrival: this.#virtualNow,
      seat: (seated) => {
        if (isEarly) early = seated;
        else seat(seated);
      },
    };
    queue.waiting.push(one);
    queue.waitingWork += totalWork;
    this.waiting++;
    this.seatsWaiting += work.seats;
    this.#bound(queue);
    this.#noteDemand(nowMs);
    this.#dispatch(nowMs);
    isEarly = false;
    return early ?? { leave: () => this.#leave(queue, one) };
  }

  /** The request has been answered. How long that took. */
  finish({ queue, seats, startMs }: Seated): number {
    const nowMs = this.#sync();
    this.executing--;
    this.seatsInUse -= seats;
    if (queue) {
      queue.executing--;
      queue.virtualStart -= seats * (SERVICE_ESTIMATE_MS - (nowMs - startMs));
      this.#bound(queue);
      if (queue.executing === 0 && queue.waiting.length === 0) this.#active--;
    }
    this.#noteDemand(nowMs);
    if (this.waiting > 0) this.#dispatch(nowMs);
    return nowMs - startMs;
  }

  #seated(queue: Queue | undefined, { seats }: Work, startMs: number): Seated {
    this.executing++;
    this.seatsInUse += seats;
    if (queue) queue.executing++;
    this.#noteDemand(startMs);
    return { queue, seats, startMs };
  }

  #leave(queue: Queue, one: Waiting): void {
    const at = queue.waiting.indexOf(one);
    if (at === -1) return;
    const nowMs = this.#sync();
    queue.waiting.splice(at, 1);
    this.#forget(queue, one);
    this.#bound(queue);
    if (queue.executing === 0 && queue.waiting.length === 0) this.#active--;
    this.#noteDemand(nowMs);
  }

  #forget(queue: Queue, one: Waiting): void {
    queue.waitingWork -= one.totalWork;
    this.waiting--;
    this.seatsWaiting -= one.work.seats;
  }

  #noteDemand(nowMs: number): void {
    this.demand.set(this.seatsInUse + this.seatsWaiting, nowMs);
  }

  /** Brings virtual time forward: it runs the slower the more queues share the seats. */
  #sync(): number {
    const nowMs = this.#nowMs();
    const passedMs = nowMs - this.#lastMs;
    if (passedMs > 0) {
      this.#lastMs = nowMs;
      if (this.#active > 0) this.#virtualNow += (passedMs * Math.min(this.seatsInUse + this.seatsWaiting, this.limit)) / this.#active;
    }
    return nowMs;
  }

  #fits(seats: number): boolean {
    if (this.#configuration.queues < 0) return true;
    // Wider than the whole level: it goes alone.
    if (seats > this.limit) return this.executing === 0;
    return this.seatsInUse + seats <= this.limit;
  }

  /** The queue of the hand with the least work waiting; among equals they take turns. */
  #chosen(hand: readonly number[]): number {
    const offset = this.#enqueues++ % hand.length;
    if (this.waiting === 0) return hand[offset]!;
    let best = hand[offset]!;
    for (let i = 1; i < hand.length; i++) {
      const candidate = hand[(offset + i) % hand.length]!;
      if (this.#queues[candidate]!.waitingWork < this.#queues[best]!.waitingWork) best = candidate;
    }
    return best;
  }

  #dispatch(nowMs: number): void {
    while (this.waiting > 0 && this.seatsInUse < this.limit) {
      const queue = this.#next();
      const one = queue.waiting[0]!;
      // Nobody overtakes: it is this one's turn, and it waits until enough seats are free.
      if (!this.#fits(one.work.seats)) return;
      queue.waiting.shift();
      this.#forget(queue, one);
      queue.virtualStart += one.totalWork;
      this.#bound(queue);
      one.seat(this.#seated(queue, one.work, nowMs));
    }
  }

  /** The queue whose first request would be done first, had all been served evenly. */
  #next(): Queue {
    let best: Queue | undefined;
    let bestAt = this.#robin;
    let least = Number.POSITIVE_INFINITY;
    const count = this.#queues.length;
    for (let step = 1; step <= count; step++) {
      const at = (this.#robin + step) % count;
      const queue = this.#queues[at]!;
      if (queue.waiting.length === 0) continue;
      const finish = queue.virtualStart + queue.waiting[0]!.totalWork;
      if (finish < least) {
        least = finish;
        best = queue;
        bestAt = at;
      }
    }
    this.#robin = bestAt;
    return best!;
  }

  /** A queue saves up nothing while nobody waits in it. */
  #bound(queue: Queue): void {
    const first = queue.waiting[0];
    if (first && queue.virtualStart < first.arrival) queue.virtualStart = first.arrival;
  }
}
