// What people graph of an API server, under upstream's names (apiserver pkg/endpoints/metrics, pkg/admission/metrics,
// pkg/storage/etcd3/metrics). Series are looked up by one short string a request, so that counting costs little.
import type { ApiRequest } from '@tiphys/machinery';
import { isLongRunning } from './flow-control/flow-control.ts';
import type { RequestInfo } from './interfaces.ts';
import { type Count, Counter, type Family, Histogram, type HistogramSeries, metricsText, observed, SERIES_MAX } from './metrics/family.ts';
import type { Endpoint, Resources } from './resources.ts';

const COMPONENT = 'apiserver';
const REQUEST = ['group', 'version', 'resource', 'subresource', 'scope', 'component'];
const DURATIONS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const SLI_DURATIONS = DURATIONS.slice(2);
const ADMISSION_DURATIONS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const SIZES = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const EVENT_SIZES = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072];
const METHODS: Record<string, string> = { list: 'LIST', watch: 'WATCH', deletecollection: 'DELETE' };
/** What is asked outside the resources and worth a name of its own. */
const PATHS = new Set(['/healthz', '/livez', '/readyz', '/metrics', '/version', '/api', '/apis', '/openapi/v2', '/openapi/v3']);

interface RequestSeries {
  total: Count;
  duration: HistogramSeries;
  sli: HistogramSeries;
  sizes: HistogramSeries;
}

/** What a watch counts as it sends. */
export interface WatchSeries {
  events: Count;
  sizes: HistogramSeries;
}

function scopeOf(info: RequestInfo): string {
  if (!info.isResourceRequest) return '';
  if (info.name !== '' || info.verb === 'create') return 'resource';
  return info.namespace === '' ? 'cluster' : 'namespace';
}

function methodOf({ method, headers }: ApiRequest, info: RequestInfo): string {
  if (isLongRunning(info) && info.subresource !== 'log') return 'CONNECT';
  if (method === 'PATCH' && headers['content-type'] === 'application/apply-patch+yaml') return 'APPLY';
  return METHODS[info.verb] ?? method;
}

function hasSubresource({ definition }: Endpoint, name: string): boolean {
  if (name === 'status') return definition.status !== undefined;
  if (name === 'scale') return definition.scale !== undefined;
  return definition.subresources?.some((each) => each.name === name) ?? false;
}

export class Metrics {
  readonly #resources: Resources;
  readonly #more: Family[] = [];
  readonly #series = new Map<string, RequestSeries>();
  #readOnly = 0;
  #mutating = 0;
  readonly #requests = new Counter({
    name: 'apiserver_request_total',
    help: '[STABLE] Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
    labels: ['verb', 'dry_run', ...REQUEST, 'code'],
  });
  readonly #durations = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: '[STABLE] Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
    labels: ['verb', 'dry_run', ...REQUEST],
    buckets: DURATIONS,
  });
  readonly #sli = new Histogram({
    name: 'apiserver_request_sli_duration_seconds',
    help: '[ALPHA] Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.',
    labels: ['verb', ...REQUEST],
    buckets: SLI_DURATIONS,
  });
  readonly #sizes = new Histogram({
    name: 'apiserver_response_sizes',
    help: '[STABLE] Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.',
    labels: ['verb', ...REQUEST],
    buckets: SIZES,
  });
  readonly #watchEvents = new Counter({
    name: 'apiserver_watch_events_total',
    help: '[ALPHA] Number of events sent in watch clients',
    labels: ['group', 'version', 'resource'],
  });
  readonly #watchSizes = new Histogram({
    name: 'apiserver_watch_events_sizes',
    help: '[ALPHA] Watch event size distribution in bytes',
    labels: ['group', 'version', 'resource'],
    buckets: EVENT_SIZES,
  });
  readonly #initEvents = new Counter({
    name: 'apiserver_init_events_total',
    help: '[ALPHA] Counter of init events processed in watch cache broken by resource type.',
    labels: ['group', 'resource'],
  });
  readonly #steps = new Histogram({
    name: 'apiserver_admission_step_admission_duration_seconds',
    help: '[STABLE] Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).',
    labels: ['type', 'operation', 'rejected'],
    buckets: ADMISSION_DURATIONS,
  });
  readonly #controllers = new Histogram({
    name: 'apiserver_admission_controller_admission_duration_seconds',
    help: '[STABLE] Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    labels: ['name', 'type', 'operation', 'rejected'],
    buckets: ADMISSION_DURATIONS,
  });
  readonly #admissionSeries = new Map<string, HistogramSeries>();
  readonly #storeRequests = new Counter({
    name: 'etcd_requests_total',
    help: '[ALPHA] Etcd request counts for each operation and object type.',
    labels: ['operation', 'group', 'resource'],
  });
  readonly #storeDurations = new Histogram({
    name: 'etcd_request_duration_seconds',
    help: '[ALPHA] Etcd request latency in seconds for each operation and object type.',
    labels: ['operation', 'group', 'resource'],
    buckets: DURATIONS,
  });
  readonly #storeSeries = new WeakMap<Endpoint, Record<string, { total: Count; duration: HistogramSeries }>>();

  constructor(resources: Resources) {
    this.#resources = resources;
  }

  get inFlight(): number {
    return this.#readOnly + this.#mutating;
  }

  /** Figures that other parts keep. */
  add(families: readonly Family[]): void {
    this.#more.push(...families);
  }

  begin({ method }: ApiRequest): void {
    if (method === 'GET' || method === 'HEAD') this.#readOnly++;
    else this.#mutating++;
  }

  /** `waitedMs`: in queues of priority and fairness. Returns where the size of the answer counts, if it does. */
  end(request: ApiRequest, info: RequestInfo | undefined, code: number, durationMs: number, waitedMs: number): HistogramSeries | undefined {
    if (request.method === 'GET' || request.method === 'HEAD') this.#readOnly--;
    else this.#mutating--;
    const series = this.#seriesOf(request, info, code);
    series.total.value++;
    if (info?.verb === 'watch') return undefined;
    series.duration.observe(durationMs / 1000);
    series.sli.observe((durationMs - waitedMs) / 1000);
    return info?.verb === 'get' || info?.verb === 'list' ? series.sizes : undefined;
  }

  watchSeries({ apiGroup, apiVersion, resource }: RequestInfo): WatchSeries {
    return {
      events: this.#watchEvents.series(apiGroup, apiVersion, resource),
      sizes: this.#watchSizes.series(apiGroup, apiVersion, resource),
    };
  }

  admissionStep(type: 'admit' | 'validate', operation: string, rejected: boolean, durationMs: number): void {
    const key = `${type}${operation}${rejected}`;
    let series = this.#admissionSeries.get(key);
    if (!series) {
      series = this.#steps.series(type, operation, String(rejected));
      this.#admissionSeries.set(key, series);
    }
    series.observe(durationMs / 1000);
  }

  /** Of plugins that had to wait for somebody; what the others take is in the step. */
  admissionPlugin(name: string, type: 'admit' | 'validate', operation: string, rejected: boolean, durationMs: number): void {
    const key = `${name}${type}${operation}${rejected}`;
    let series = this.#admissionSeries.get(key);
    if (!series) {
      series = this.#controllers.series(name, type, operation, String(rejected));
      this.#admissionSeries.set(key, series);
    }
    series.observe(durationMs / 1000);
  }

  stored(endpoint: Endpoint, operation: 'create' | 'update' | 'delete', durationMs: number): void {
    let known = this.#storeSeries.get(endpoint);
    if (!known) {
      known = {};
      this.#storeSeries.set(endpoint, known);
    }
    const { group, resource } = endpoint.type;
    known[operation] ??= {
      total: this.#storeRequests.series(operation, group, resource),
      duration: this.#storeDurations.series(operation, group, resource),
    };
    known[operation].total.value++;
    known[operation].duration.observe(durationMs / 1000);
  }

  /** `looked`: at how many objects or changes before anything new. */
  watchBegan({ type }: Endpoint, looked: number): void {
    if (looked > 0) this.#initEvents.series(type.group, type.resource).value += looked;
  }

  text(): string {
    return metricsText([
      this.#requests,
      this.#durations,
      this.#sli,
      this.#sizes,
      this.#watchEvents,
      this.#watchSizes,
      this.#initEvents,
      this.#steps,
      this.#controllers,
      this.#storeRequests,
      this.#storeDurations,
      ...this.#observed(),
      ...this.#more,
    ]);
  }

  #seriesOf(request: ApiRequest, info: RequestInfo | undefined, code: number): RequestSeries {
    const method = info ? methodOf(request, info) : request.method;
    const scope = info ? scopeOf(info) : '';
    const dryRun = info?.query.has('dryRun') ? 'All' : '';
    const what = info?.isResourceRequest ? `${info.apiGroup}/${info.apiVersion}/${info.resource}/${info.subresource}` : (info?.path ?? '');
    const key = `${code}${method}${scope}${dryRun} ${what}`;
    const known = this.#series.get(key);
    if (known) return known;
    if (this.#series.size >= SERIES_MAX) this.#series.clear();
    const made = this.#made(method, dryRun, scope, code, info);
    this.#series.set(key, made);
    return made;
  }

  /** What is not served must not fill the memory with names that callers make up. */
  #made(method: string, dryRun: string, scope: string, code: number, info: RequestInfo | undefined): RequestSeries {
    const { apiGroup = '', apiVersion = '', resource = '', subresource = '' } = info?.isResourceRequest ? info : {};
    const endpoint = info?.isResourceRequest ? this.#resources.find(apiGroup, apiVersion, resource) : undefined;
    const isKnown = endpoint !== undefined && (subresource === '' || code < 400 || hasSubresource(endpoint, subresource));
    const path = info && PATHS.has(info.path) ? info.path : '';
    const labels = isKnown ? [apiGroup, apiVersion, resource, subresource, scope] : ['', '', '', path, ''];
    return {
      total: this.#requests.series(method, dryRun, ...labels, COMPONENT, String(code)),
      duration: this.#durations.series(method, dryRun, ...labels, COMPONENT),
      sli: this.#sli.series(method, ...labels, COMPONENT),
      sizes: this.#sizes.series(method, ...labels, COMPONENT),
    };
  }

  #observed(): Family[] {
    const stored = () => [...this.#resources.all()].filter((endpoint) => endpoint.sendsStored && !endpoint.definition.review);
    const perResource = (name: string, help: string, read: (endpoint: Endpoint) => number): Family =>
      observed({ name, help, labels: ['group', 'resource'] }, () =>
        stored().map((endpoint) => [[endpoint.type.group, endpoint.type.resource], read(endpoint)]),
      );
    return [
      observed(
        {
          name: 'apiserver_current_inflight_requests',
          help: '[STABLE] Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
          labels: ['request_kind'],
        },
        () => [
          [['mutating'], this.#mutating],
          [['readOnly'], this.#readOnly],
        ],
      ),
      observed(
        {
          name: 'apiserver_longrunning_requests',
          help: '[STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.',
          labels: ['verb', ...REQUEST],
        },
        () =>
          stored().map(({ type, cache }) => [['WATCH', type.group, type.version, type.resource, '', 'cluster', COMPONENT], cache.watchers]),
      ),
      perResource(
        'apiserver_resource_objects',
        '[ALPHA] Number of stored objects at the time of last check split by kind.',
        ({ cache }) => cache.size,
      ),
      perResource(
        'apiserver_resource_size_estimate_bytes',
        '[ALPHA] Estimated size of stored objects in database.',
        ({ cache }) => cache.bytes,
      ),
      observed(
        {
          name: 'apiserver_storage_objects',
          help: '[STABLE] Number of stored objects at the time of last check split by kind.',
          labels: ['resource'],
        },
        () => stored().map(({ type, cache }) => [[type.group ? `${type.resource}.${type.group}` : type.resource], cache.size]),
      ),
    ];
  }
}
