// What the autoscaler counts, under upstream's names (pkg/controller/podautoscaler/monitor).
import { Counter, type Family, Histogram, observed } from '@tiphys/std';

const SUBSYSTEM = 'horizontal_pod_autoscaler_controller';
/** From a millisecond, each twice the one before. */
const BUCKETS = Array.from({ length: 15 }, (_, power) => 0.001 * 2 ** power);

export type Direction = 'scale_up' | 'scale_down' | 'none';
export type Fault = 'spec' | 'internal' | 'none';

export const directionOf = (from: number, to: number): Direction => (to > from ? 'scale_up' : to < from ? 'scale_down' : 'none');

export class AutoscalerMetrics {
  readonly #turns = new Counter({
    name: `${SUBSYSTEM}_reconciliations_total`,
    help: 'Number of reconciliations of HPA controller.',
    labels: ['action', 'error'],
  });
  readonly #turnSeconds = new Histogram({
    name: `${SUBSYSTEM}_reconciliation_duration_seconds`,
    help: 'The time(seconds) that the HPA controller takes to reconcile once.',
    labels: ['action', 'error'],
    buckets: BUCKETS,
  });
  readonly #computations = new Counter({
    name: `${SUBSYSTEM}_metric_computation_total`,
    help: 'Number of metric computations.',
    labels: ['action', 'error', 'metric_type'],
  });
  readonly #desired = new Map<string, number>();
  readonly families: readonly Family[];

  /** `count` says how many autoscalers there are. */
  constructor(count: () => number) {
    const rows = () => Array.from(this.#desired, ([key, replicas]) => [key.split('/'), replicas] as [string[], number]);
    this.families = [
      this.#turns,
      this.#turnSeconds,
      this.#computations,
      observed({ name: `${SUBSYSTEM}_num_horizontal_pod_autoscalers`, help: 'Current number of controlled HPA objects.' }, () => [
        [[], count()],
      ]),
      observed(
        {
          name: `${SUBSYSTEM}_desired_replicas`,
          help: 'Current desired replica count for HPA objects.',
          labels: ['namespace', 'hpa_name'],
        },
        rows,
      ),
    ];
  }

  turn(action: Direction, fault: Fault, durationMs: number): void {
    this.#turns.add([action, fault]);
    this.#turnSeconds.series(action, fault).observe(durationMs / 1000);
  }

  computed(metricType: string, action: Direction, fault: Fault): void {
    this.#computations.add([action, fault, metricType]);
  }

  /** `namespace/name`. */
  desired(key: string, replicas: number): void {
    this.#desired.set(key, replicas);
  }

  forget(key: string): void {
    this.#desired.delete(key);
  }
}
