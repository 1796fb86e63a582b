// Priority and fairness: lets each request in, makes it wait for its turn, or turns it away (apiserver
// server/filters/priority-and-fairness.go, pkg/util/flowcontrol/apf_filter.go). Follows the configuration in the caches.
import { flowcontrolv1 } from '@tiphys/api';
import type { ApiRequest, UserInfo } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import { deadlineMs } from '../edge/deadline.ts';
import type { RequestInfo } from '../interfaces.ts';
import type { Family } from '../metrics/family.ts';
import type { Resources } from '../resources.ts';
import { schemaTest } from './classify.ts';
import { adjusted, CATCH_ALL, danglingCondition, type FlowPlan, flowPlan } from './configuration.ts';
import { workOf } from './estimate.ts';
import { FlowMetrics } from './flow-metrics.ts';
import { QueueSet, type Rejection, type Seated, type Work } from './queue-set.ts';
import { RetryAfter } from './retry-after.ts';
import { deal, flowHash } from './shuffle-sharding.ts';
import type { Flow, Level } from './state.ts';

/** kube-apiserver's --max-requests-inflight and --max-mutating-requests-inflight together. */
export const SEATS_DEFAULT = 600;
const ADJUSTMENT_INTERVAL_MS = 10_000;
/** A request waits for its turn no longer than this part of the time that its caller gives it. */
const WAIT_PART = 4;
const ANSWER_TIMEOUT_MS = 60_000;
/** Flows of one schema whose queues are remembered. */
export const HANDS_MAX = 10_000;
/** Requests of the exempt level at once: no fairness, only memory, sets a limit here. */
export const EXEMPT_REQUESTS_MAX = 10_000;

const LONG_RUNNING = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

export const isLongRunning = ({ verb, subresource }: RequestInfo): boolean => verb === 'proxy' || LONG_RUNNING.has(subresource);

export interface Admitted {
  /** In a queue. */
  waitedMs: number;
  headers: Readonly<Record<string, string>>;
  /** Gives the seats back; to be called once. */
  release(): void;
}

export interface TurnedAway {
  headers: Readonly<Record<string, string>>;
  retryAfterSeconds: number;
}

class Ticket implements Admitted {
  readonly waitedMs: number;
  readonly #flow: Flow;
  readonly #seated: Seated;
  readonly #isWatch: boolean;

  constructor(flow: Flow, seated: Seated, isWatch: boolean, waitedMs = 0) {
    this.waitedMs = waitedMs;
    this.#flow = flow;
    this.#seated = seated;
    this.#isWatch = isWatch;
    const { dispatched, executingRequests, executingSeats } = flow.series;
    dispatched.value++;
    executingRequests.value++;
    executingSeats.value += seated.seats;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#flow.headers;
  }

  release(): void {
    const { level, series } = this.#flow;
    series.executingRequests.value--;
    series.executingSeats.value -= this.#seated.seats;
    const durationMs = level.set.finish(this.#seated);
    (this.#isWatch ? series.watchSeconds : series.executionSeconds).observe(durationMs / 1000);
  }
}

export interface FlowControlOptions {
  runtime: Runtime;
  resources: Resources;
  /** Seats of the whole server. */
  seats?: number;
  /** Told which schemas' Dangling conditions are to be set. */
  onConditions?(conditions: readonly Condition[]): void;
}

export interface Condition {
  schema: string;
  condition: flowcontrolv1.FlowSchemaCondition;
}

export class FlowControl {
  readonly #options: FlowControlOptions;
  readonly #seats: number;
  readonly #nowMs: () => number;
  readonly #metrics: FlowMetrics;
  readonly #stops: (() => void)[] = [];
  #levels = new Map<string, Level>();
  #flows: readonly Flow[] = [];
  #fairFraction = 0;
  #digesting = false;

  constructor(options: FlowControlOptions) {
    this.#options = options;
    this.#seats = options.seats ?? SEATS_DEFAULT;
    this.#nowMs = () => options.runtime.clock.monotonicMs();
    this.#metrics = new FlowMetrics(
      () => this.#levels.values(),
      () => this.#fairFraction,
    );
    this.#use(flowPlan([], [], this.#seats));
  }

  families(): Family[] {
    return this.#metrics.families();
  }

  /** Follows the cluster's configuration from here on; the caches must be loaded. */
  start(): void {
    for (const type of [flowcontrolv1.prioritylevelconfigurations, flowcontrolv1.flowschemas]) {
      const cache = this.#options.resources.find(type.group, type.version, type.resource)?.cache;
      if (cache) this.#stops.push(cache.follow({ keyPrefix: '' }, () => this.#changed()));
    }
    this.#digest();
    this.#adjustRepeatedly();
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** At once when a seat is free, as it nearly always is; else when its turn has come or it has waited too long. */
  enter(info: RequestInfo, user: UserInfo, request: ApiRequest): Admitted | TurnedAway | Promise<Admitted | TurnedAway> {
    const flow = this.#flowOf(info, user);
    const { level } = flow;
    const isWatch = info.verb === 'watch';
    const work = workOf(info, this.#options.resources, level.plan.listSeatsMax);
    flow.series.estimatedSeats.observe(work.seats);
    if (level.plan.isExempt && level.set.executing >= EXEMPT_REQUESTS_MAX) return this.#turnedAway(flow, 'concurrency-limit');
    let later: ((seated: Seated) => void) | undefined;
    const entered = level.set.enter(this.#hand(flow, info, user), work, (seated) => later?.(seated));
    if (typeof entered === 'string') return this.#turnedAway(flow, entered);
    if (!('leave' in entered)) {
      if (!level.plan.isExempt) flow.series.waitSeconds.observe(0);
      return new Ticket(flow, entered, isWatch);
    }
    return this.#waiting(flow, work, entered, request, isWatch, (seat) => {
      later = seat;
    });
  }

  #waiting(
    flow: Flow,
    work: Work,
    place: { leave(): void },
    request: ApiRequest,
    isWatch: boolean,
    onSeat: (seat: (seated: Seated) => void) => void,
  ): Promise<Admitted | TurnedAway> {
    const { clock } = this.#options.runtime;
    const sinceMs = this.#nowMs();
    const limitMs = ((isWatch ? undefined : deadlineMs(request.url)) ?? ANSWER_TIMEOUT_MS) / WAIT_PART;
    this.#metrics.queued(flow, 1, work.seats);
    return new Promise((resolve) => {
      const done = (answer: () => Admitted | TurnedAway, executes: boolean) => {
        timer.cancel();
        request.signal?.removeEventListener('abort', leave);
        this.#metrics.queued(flow, -1, -work.seats);
        const seconds = (this.#nowMs() - sinceMs) / 1000;
        this.#metrics.waitSeconds.series(flow.level.plan.name, flow.name, String(executes)).observe(seconds);
        resolve(answer());
      };
      const leave = () => {
        place.leave();
        done(() => this.#turnedAway(flow, 'time-out'), false);
      };
      const timer = clock.after(limitMs, leave);
      request.signal?.addEventListener('abort', leave, { once: true });
      onSeat((seated) => done(() => new Ticket(flow, seated, isWatch, this.#nowMs() - sinceMs), true));
    });
  }

  #turnedAway(flow: Flow, reason: Rejection): TurnedAway {
    const { level } = flow;
    this.#metrics.rejected.add([level.plan.name, flow.name, reason]);
    level.retryAfter.dropped(this.#options.runtime.clock.now());
    return { headers: flow.headers, retryAfterSeconds: level.retryAfter.seconds };
  }

  #flowOf(info: RequestInfo, user: UserInfo): Flow {
    for (const flow of this.#flows) if (flow.matches(info, user)) return flow;
    return this.#flows.find(({ name }) => name === CATCH_ALL)!;
  }

  #hand(flow: Flow, info: RequestInfo, user: UserInfo): readonly number[] {
    const { queues, handSize } = flow.level.plan.queuing;
    if (queues < 1) return [];
    const distinguisher = flow.distinguisher === 'ByUser' ? user.name : flow.distinguisher === 'ByNamespace' ? info.namespace : '';
    let hand = flow.hands.get(distinguisher);
    if (!hand) {
      if (flow.hands.size >= HANDS_MAX) flow.hands.clear();
      hand = deal(flowHash(flow.name, distinguisher), queues, handSize);
      flow.hands.set(distinguisher, hand);
    }
    return hand;
  }

  /** One look at the configuration for all changes of a turn. */
  #changed(): void {
    if (this.#digesting) return;
    this.#digesting = true;
    queueMicrotask(() => {
      this.#digesting = false;
      this.#digest();
    });
  }

  #objects<T>({ group, version, resource }: { group: string; version: string; resource: string }): T[] {
    const endpoint = this.#options.resources.find(group, version, resource);
    return endpoint ? Array.from(endpoint.cache.range(''), ([, entry]) => endpoint.object(entry) as T) : [];
  }

  #digest(): void {
    const levels = this.#objects<flowcontrolv1.PriorityLevelConfiguration>(flowcontrolv1.prioritylevelconfigurations);
    const schemas = this.#objects<flowcontrolv1.FlowSchema>(flowcontrolv1.flowschemas);
    const plan = flowPlan(levels, schemas, this.#seats);
    this.#use(plan);
    const names = new Set(levels.map(({ metadata }) => metadata!.name!));
    const conditions: Condition[] = [];
    for (const schema of schemas) {
      const condition = danglingCondition(schema, names);
      const known = schema.status?.conditions?.find(({ type }) => type === 'Dangling');
      const isKnown = known?.status === condition.status && known?.reason === condition.reason && known?.message === condition.message;
      if (!isKnown) conditions.push({ schema: schema.metadata!.name!, condition });
    }
    if (conditions.length > 0) this.#options.onConditions?.(conditions);
  }

  /** Levels that stay keep their queues; those of levels that go run empty by themselves. */
  #use(plan: FlowPlan): void {
    const levels = new Map<string, Level>();
    for (const each of plan.levels) {
      const known = this.#levels.get(each.name);
      const level: Level = known ?? { plan: each, set: new QueueSet(this.#nowMs), target: 0, retryAfter: new RetryAfter() };
      level.plan = each;
      level.set.configure(each.queuing, known?.set.limit ?? each.nominal - Math.floor((each.nominal - each.lowest) / 2));
      levels.set(each.name, level);
    }
    this.#levels = levels;
    this.#flows = plan.schemas.map((schema) => this.#flow(schema));
    this.#adjust();
  }

  #flow(schema: flowcontrolv1.FlowSchema): Flow {
    const level = this.#levels.get(schema.spec!.priorityLevelConfiguration.name)!;
    const name = schema.metadata!.name!;
    return {
      name,
      level,
      matches: schemaTest(schema),
      distinguisher: schema.spec?.distinguisherMethod?.type as Flow['distinguisher'],
      hands: new Map(),
      headers: {
        'x-kubernetes-pf-flowschema-uid': schema.metadata?.uid ?? '',
        'x-kubernetes-pf-prioritylevel-uid': level.plan.uid,
      },
      series: this.#metrics.flow(level.plan.name, name),
    };
  }

  #adjustRepeatedly(): void {
    const timer = this.#options.runtime.clock.after(ADJUSTMENT_INTERVAL_MS, () => {
      this.#stops.splice(this.#stops.indexOf(cancel), 1);
      this.#adjust();
      this.#adjustRepeatedly();
    });
    const cancel = () => timer.cancel();
    this.#stops.push(cancel);
  }

  #adjust(): void {
    const levels = [...this.#levels.values()];
    const nowMs = this.#nowMs();
    for (const { set } of levels) set.demand.close(nowMs);
    const { limits, targets, fairFraction } = adjusted(
      levels.map(({ plan, set }) => ({ ...plan, highWatermark: set.demand.highWatermark, smoothed: set.demand.smoothed })),
    );
    this.#fairFraction = fairFraction;
    for (const [i, level] of levels.entries()) {
      level.target = targets[i]!;
      level.set.configure(level.plan.queuing, limits[i]!);
    }
  }
}
