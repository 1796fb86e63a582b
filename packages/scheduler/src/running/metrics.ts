// What people graph of a scheduler, under upstream's names (pkg/scheduler/metrics/metrics.go).
import { Counter, type Family, Histogram, observed } from '@tiphys/std';

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

export interface Gauges {
  queues(): Readonly<Record<'active' | 'backoff' | 'unschedulable' | 'gated', number>>;
  cache(): Readonly<Record<'nodes' | 'pods' | 'assumed_pods', number>>;
}

const PREFIX = 'scheduler_';
const exponential = (start: number, count: number) => Array.from({ length: count }, (_, index) => start * 2 ** index);

export class SchedulerMetrics {
  readonly families: readonly Family[];
  readonly #attempts = new Counter({
    name: `${PREFIX}schedule_attempts_total`,
    help: 'Number of attempts to schedule pods, by the result.',
    labels: ['result', 'profile'],
  });
  readonly #attemptSeconds = new Histogram({
    name: `${PREFIX}scheduling_attempt_duration_seconds`,
    help: 'Scheduling attempt latency in seconds (scheduling algorithm + binding).',
    labels: ['result', 'profile'],
    buckets: exponential(0.001, 15),
  });
  readonly #algorithmSeconds = new Histogram({
    name: `${PREFIX}scheduling_algorithm_duration_seconds`,
    help: 'Scheduling algorithm latency in seconds.',
    buckets: exponential(0.001, 15),
  });
  readonly #sliSeconds = new Histogram({
    name: `${PREFIX}pod_scheduling_sli_duration_seconds`,
    help: 'From the time a pod enters the queue until it is bound, over all its attempts.',
    labels: ['attempts'],
    buckets: exponential(0.01, 20),
  });
  readonly #podAttempts = new Histogram({
    name: `${PREFIX}pod_scheduling_attempts`,
    help: 'Number of attempts to successfully schedule a pod.',
    buckets: exponential(1, 5),
  });
  readonly #preemptions = new Counter({
    name: `${PREFIX}preemption_attempts_total`,
    help: 'Total preemption attempts in the cluster till now.',
  });
  readonly #victims = new Histogram({
    name: `${PREFIX}preemption_victims`,
    help: 'Number of selected preemption victims.',
    buckets: exponential(1, 7),
  });

  constructor(gauges: Gauges) {
    const rows = (figures: () => Readonly<Record<string, number>>) => () =>
      Object.entries(figures()).map(([name, value]) => [[name], value] as [string[], number]);
    this.families = [
      this.#attempts,
      this.#attemptSeconds,
      this.#algorithmSeconds,
      this.#sliSeconds,
      this.#podAttempts,
      this.#preemptions,
      this.#victims,
      observed(
        { name: `${PREFIX}pending_pods`, help: 'Number of pending pods, by the queue type.', labels: ['queue'] },
        rows(() => gauges.queues()),
      ),
      observed(
        { name: `${PREFIX}cache_size`, help: 'Number of nodes, pods, and assumed (bound) pods in the scheduler cache.', labels: ['type'] },
        rows(() => gauges.cache()),
      ),
    ];
  }

  decided(algorithmMs: number): void {
    this.#algorithmSeconds.series().observe(algorithmMs / 1000);
  }

  attempted(result: AttemptResult, profile: string, durationMs: number): void {
    this.#attempts.series(result, profile).value++;
    this.#attemptSeconds.series(result, profile).observe(durationMs / 1000);
  }

  /** After so many attempts and so long in the queue. */
  bound(attempts: number, waitedMs: number): void {
    this.#podAttempts.series().observe(attempts);
    this.#sliSeconds.series(`${attempts}`).observe(waitedMs / 1000);
  }

  preempted(victims: number): void {
    this.#preemptions.series().value++;
    this.#victims.series().observe(victims);
  }
}
