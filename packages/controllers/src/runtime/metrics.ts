// What controllers count, under upstream's names (client-go util/workqueue/metrics.go, k8s.io/component-base metrics/prometheus/workqueue).
import { Counter, type Family, Histogram, observed } from '@tiphys/std';

/** Upstream's names of queues, where they differ from the controller's. */
const QUEUES: Readonly<Record<string, string>> = {
  'attachdetach-controller': 'pvcs',
  'bootstrap-signer': 'bootstrap_signer_queue',
  'certificate-controller': 'certificate',
  'clusterrole-aggregation-controller': 'ClusterRoleAggregator',
  'cronjob-controller': 'cronjob',
  'daemon-set-controller': 'daemonset',
  'deployment-controller': 'deployment',
  'device-taint-eviction-controller': 'device_taint_eviction',
  'disruption-controller': 'disruption',
  'endpoint-controller': 'endpoint',
  'endpointslice-controller': 'endpoint_slice',
  'endpointslicemirroring-controller': 'endpoint_slice_mirroring',
  'ephemeral-volume-controller': 'ephemeral_volume',
  'expand-controller': 'volume_expand',
  'generic-garbage-collector': 'garbage_collector_graph_changes',
  'horizontal-pod-autoscaler': 'horizontalpodautoscaler',
  'job-controller': 'job',
  'namespace-controller': 'namespace',
  'node-controller': 'node_lifecycle_controller',
  'persistent-volume-binder': 'claims',
  'pv-protection-controller': 'pvprotection',
  'pvc-protection-controller': 'pvcprotection',
  'replicaset-controller': 'replicaset',
  'replication-controller': 'replicationmanager',
  'resource-claim-controller': 'resource_claim',
  'resourcequota-controller': 'resourcequota_primary',
  'root-ca-cert-publisher': 'root_ca_cert_publisher',
  'service-account-controller': 'serviceaccount',
  'service-cidrs-controller': 'ipaddresses',
  'service-controller': 'service',
  'statefulset-controller': 'statefulset',
  'token-cleaner': 'token_cleaner',
  'ttl-after-finished-controller': 'ttl_jobs_to_delete',
  'ttl-controller': 'ttlcontroller',
  'validatingadmissionpolicy-status-controller': 'validating_admission_policy_status',
  'volumeattributesclass-protection-controller': 'vacprotection',
};

/** From ten nanoseconds, each ten times the one before. */
const BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10];

/** Told by one queue of what happens in it. */
export interface QueueMetrics {
  added(): void;
  /** Waited for so long. */
  started(key: string, waitedMs: number, nowMs: number): void;
  finished(key: string, nowMs: number): void;
  retried(): void;
}

export interface ControllerMetrics {
  families: readonly Family[];
  /** `depth` counts what waits. */
  queue(controller: string, depth: () => number): QueueMetrics;
}

interface Work {
  depth(): number;
  running: Map<string, number>;
}

const LABELS = ['name'];

const histogram = (name: string, help: string) => new Histogram({ name, help, labels: LABELS, buckets: BUCKETS });

/** What is looked up when somebody asks: what waits, and what is under way. */
function gauges(queues: ReadonlyMap<string, readonly Work[]>, now: () => number): Family[] {
  const gauge = (name: string, help: string, figure: (works: readonly Work[]) => number) =>
    observed({ name, help, labels: LABELS }, () => Array.from(queues, ([queue, works]) => [[queue], figure(works)] as [string[], number]));
  const underWay = (works: readonly Work[]) =>
    works.flatMap(({ running }) => [...running.values()].map((sinceMs) => (now() - sinceMs) / 1000));
  return [
    gauge('workqueue_depth', 'Current depth of workqueue', (works) => works.reduce((sum, { depth }) => sum + depth(), 0)),
    gauge(
      'workqueue_longest_running_processor_seconds',
      'How many seconds has the longest running processor for workqueue been running.',
      (works) => Math.max(0, ...underWay(works)),
    ),
    gauge(
      'workqueue_unfinished_work_seconds',
      "How many seconds of work has done that is in progress and hasn't been observed by work_duration.",
      (works) => underWay(works).reduce((sum, seconds) => sum + seconds, 0),
    ),
  ];
}

/** `now` in milliseconds, for what is still under way when the figures are asked for. */
export function controllerMetrics(now: () => number): ControllerMetrics {
  const adds = new Counter({ name: 'workqueue_adds_total', help: 'Total number of adds handled by workqueue', labels: LABELS });
  const retries = new Counter({ name: 'workqueue_retries_total', help: 'Total number of retries handled by workqueue', labels: LABELS });
  const waited = histogram('workqueue_queue_duration_seconds', 'How long in seconds an item stays in workqueue before being requested.');
  const worked = histogram('workqueue_work_duration_seconds', 'How long in seconds processing an item from workqueue takes.');
  const queues = new Map<string, Work[]>();
  return {
    families: [adds, ...gauges(queues, now), waited, retries, worked],
    queue(controller, depth) {
      const name = QUEUES[controller] ?? controller;
      const work: Work = { depth, running: new Map() };
      queues.set(name, [...(queues.get(name) ?? []), work]);
      const [added, retried, waitedSeries, workedSeries] = [
        adds.series(name),
        retries.series(name),
        waited.series(name),
        worked.series(name),
      ];
      return {
        added: () => void added.value++,
        started(key, waitedMs, nowMs) {
          waitedSeries.observe(waitedMs / 1000);
          work.running.set(key, nowMs);
        },
        finished(key, nowMs) {
          workedSeries.observe((nowMs - (work.running.get(key) ?? nowMs)) / 1000);
          work.running.delete(key);
        },
        retried: () => void retried.value++,
      };
    },
  };
}
