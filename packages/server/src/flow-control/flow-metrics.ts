// The figures of priority and fairness under upstream's names (apiserver pkg/util/flowcontrol/metrics/metrics.go).
import { Counter, type Family, Histogram, observed } from '../metrics/family.ts';
import type { Flow, Level } from './state.ts';

const PREFIX = 'apiserver_flowcontrol_';
const SECONDS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const LEVEL = ['priority_level'];
const FLOW = ['priority_level', 'flow_schema'];

export class FlowMetrics {
  readonly dispatched = new Counter({
    name: `${PREFIX}dispatched_requests_total`,
    help: 'Number of requests executed by API Priority and Fairness subsystem',
    labels: FLOW,
  });
  readonly rejected = new Counter({
    name: `${PREFIX}rejected_requests_total`,
    help: 'Number of requests rejected by API Priority and Fairness subsystem',
    labels: [...FLOW, 'reason'],
  });
  readonly executingRequests = new Counter(
    {
      name: `${PREFIX}current_executing_requests`,
      help: 'Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem',
      labels: FLOW,
    },
    'gauge',
  );
  readonly executingSeats = new Counter(
    {
      name: `${PREFIX}current_executing_seats`,
      help: 'Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem',
      labels: FLOW,
    },
    'gauge',
  );
  readonly queuedRequests = new Counter(
    {
      name: `${PREFIX}current_inqueue_requests`,
      help: 'Number of requests currently pending in queues of the API Priority and Fairness subsystem',
      labels: FLOW,
    },
    'gauge',
  );
  readonly queuedSeats = new Counter(
    {
      name: `${PREFIX}current_inqueue_seats`,
      help: 'Number of seats currently pending in queues of the API Priority and Fairness subsystem',
      labels: FLOW,
    },
    'gauge',
  );
  readonly waitSeconds = new Histogram({
    name: `${PREFIX}request_wait_duration_seconds`,
    help: 'Length of time a request spent waiting in its queue',
    labels: [...FLOW, 'execute'],
    buckets: SECONDS,
  });
  readonly executionSeconds = new Histogram({
    name: `${PREFIX}request_execution_seconds`,
    help: 'Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem',
    labels: [...FLOW, 'type'],
    buckets: SECONDS,
  });
  readonly estimatedSeats = new Histogram({
    name: `${PREFIX}work_estimated_seats`,
    help: 'Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness',
    labels: FLOW,
    buckets: [1, 2, 4, 8, 16, 32, 64, 100],
  });
  readonly #levels: () => Iterable<Level>;
  readonly #fairFraction: () => number;

  constructor(levels: () => Iterable<Level>, fairFraction: () => number) {
    this.#levels = levels;
    this.#fairFraction = fairFraction;
  }

  /** The series of one schema, kept with it. */
  flow(level: string, schema: string) {
    return {
      dispatched: this.dispatched.series(level, schema),
      executingRequests: this.executingRequests.series(level, schema),
      executingSeats: this.executingSeats.series(level, schema),
      waitSeconds: this.waitSeconds.series(level, schema, 'true'),
      executionSeconds: this.executionSeconds.series(level, schema, 'regular'),
      watchSeconds: this.executionSeconds.series(level, schema, 'watch'),
      estimatedSeats: this.estimatedSeats.series(level, schema),
    };
  }

  queued({ name, level }: Flow, requests: number, seats: number): void {
    this.queuedRequests.add([level.plan.name, name], requests);
    this.queuedSeats.add([level.plan.name, name], seats);
  }

  families(): Family[] {
    const perLevel = (name: string, help: string, read: (level: Level) => number): Family =>
      observed({ name: PREFIX + name, help, labels: LEVEL }, () => Array.from(this.#levels(), (level) => [[level.plan.name], read(level)]));
    return [
      this.dispatched,
      this.rejected,
      this.executingRequests,
      this.executingSeats,
      this.queuedRequests,
      this.queuedSeats,
      this.waitSeconds,
      this.executionSeconds,
      this.estimatedSeats,
      perLevel('nominal_limit_seats', 'Nominal number of execution seats configured for each priority level', ({ plan }) => plan.nominal),
      perLevel(
        'lower_limit_seats',
        'Configured lower bound on number of execution seats available to each priority level',
        ({ plan }) => plan.lowest,
      ),
      perLevel(
        'upper_limit_seats',
        'Configured upper bound on number of execution seats available to each priority level',
        ({ plan }) => plan.highest,
      ),
      perLevel('current_limit_seats', 'current derived number of execution seats available to each priority level', ({ set }) => set.limit),
      perLevel('target_seats', 'Seat allocation targets', ({ target }) => target),
      perLevel(
        'demand_seats_high_watermark',
        'High watermark, over last adjustment period, of demand_seats',
        ({ set }) => set.demand.highWatermark,
      ),
      perLevel(
        'demand_seats_average',
        'Time-weighted average, over last adjustment period, of demand_seats',
        ({ set }) => set.demand.average,
      ),
      perLevel(
        'demand_seats_stdev',
        'Time-weighted standard deviation, over last adjustment period, of demand_seats',
        ({ set }) => set.demand.deviation,
      ),
      perLevel('demand_seats_smoothed', 'Smoothed seat demands', ({ set }) => set.demand.smoothed),
      observed(
        {
          name: `${PREFIX}seat_fair_frac`,
          help: "Fair fraction of server's concurrency to allocate to each priority level that can use it",
        },
        () => [[[], this.#fairFraction()]],
      ),
    ];
  }
}
