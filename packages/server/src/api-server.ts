// The API server as one value: a function from requests to answers, and the edge that brings requests from outside.
import type { ApiHandler, ApiRequest, ApiResponse } from '@tiphys/machinery';
import type { ResourceDefinition, ResourceReader } from '@tiphys/registry';
import type { Runtime } from '@tiphys/runtime';
import type { Store } from '@tiphys/storage';
import type { Auditor } from './audit/auditor.ts';
import { Rounds } from './cache/rounds.ts';
import type { ObjectCodec } from './codec.ts';
import type { DelegatedVersion } from './discovery/delegated.ts';
import { Documents, VERSION } from './discovery/documents.ts';
import type { HealthCheck } from './discovery/health.ts';
import { type Listening, type ListenOptions, listen } from './edge/listen.ts';
import { type Encryption, encryption } from './encryption/index.ts';
import { conditionWriter } from './flow-control/conditions.ts';
import { FlowControl } from './flow-control/flow-control.ts';
import type { AdmissionPlugin, Authenticator, Authorizer, SubresourceHandler, UpgradeHandler } from './interfaces.ts';
import { maintain } from './maintenance.ts';
import type { Family } from './metrics/family.ts';
import { processFamilies } from './metrics/process.ts';
import { Metrics } from './metrics.ts';
import { objectOperations } from './operations.ts';
import { Pipeline } from './pipeline.ts';
import { cacheReader } from './reader.ts';
import type { Core, RequestContext } from './request/context.ts';
import { Resources } from './resources.ts';
import { methodNotAllowed, Server } from './serve.ts';
import { deleteByRule } from './verbs/delete.ts';

export interface ApiServerOptions {
  runtime: Runtime;
  store: Store;
  definitions: readonly ResourceDefinition<any>[];
  /** Tried in order; a request that none of them knows is anonymous. */
  authenticators?: readonly Authenticator[];
  /** Without one every request is allowed. */
  authorizer?: Authorizer;
  admission?: readonly AdmissionPlugin[];
  subresourceHandlers?: readonly SubresourceHandler[];
  upgradeHandlers?: readonly UpgradeHandler[];
  /** Documents besides discovery, by path: the keys that verify tokens, for one. */
  documents?: Readonly<Record<string, () => ApiResponse>>;
  /** Answers what is another server's to answer; undefined for everything else. */
  delegation?(context: RequestContext): Promise<ApiResponse> | undefined;
  /** Beside ping, log, etcd and informer-sync. */
  healthChecks?: readonly HealthCheck[];
  /** Text of an EncryptionConfiguration (apiserver.config.k8s.io). Default: what is stored can be read by whoever has the store. */
  encryptionConfiguration?: string;
  /** Writes down what is asked. */
  auditor?: Auditor;
  /** Priority and fairness with so many seats (upstream's default: 600); absent, every request goes on at once. */
  flowControl?: { seats?: number };
}

export interface ApiServer extends ApiHandler, AsyncDisposable {
  /** Resolves when everything stored is loaded; requests before that wait for it. */
  readonly ready: Promise<void>;
  readonly reader: ResourceReader;
  handle(request: ApiRequest): Promise<ApiResponse>;
  listen(options: ListenOptions): Promise<Listening>;
  /** Serves one more resource, such as a custom one with its own codec; replaces one of the same name. */
  addDefinition(definition: ResourceDefinition<any>, codec?: ObjectCodec): Promise<void>;
  removeDefinition(type: { group: string; version: string; resource: string }): void;
  /** Groups that discovery and OpenAPI speak of besides the server's own. */
  delegate(versions: readonly DelegatedVersion[]): void;
  /** Says that it is not ready any more, so that load balancers turn away; everything is answered as before. */
  drain(): void;
  /** Takes a new text of the EncryptionConfiguration that the server was started with. Throws, and all stays, when it is wrong. */
  updateEncryption(text: string): void;
  /** Figures of other parts of the program, shown at /metrics. */
  addMetrics(families: readonly Family[]): void;
  close(): Promise<void>;
}

/** Upstream's names; the store's check is called etcd whatever the store is, since people ask for it by that name. */
function standardChecks(store: Store, isLoaded: () => boolean): HealthCheck[] {
  return [
    { name: 'ping', check: () => {} },
    { name: 'log', check: () => {} },
    { name: 'etcd', check: () => store.fresh() },
    { name: 'informer-sync', endpoints: ['readyz'], check: () => (isLoaded() ? undefined : 'not everything is loaded yet') },
  ];
}

function ownDocument({ documents }: ApiServerOptions, { request, info }: RequestContext): ApiResponse | undefined {
  const document = documents?.[info.path.replace(/\/+$/, '')];
  if (document && request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  return document?.();
}

const shutdownCheck = (isDraining: () => boolean): HealthCheck => ({
  name: 'shutdown',
  endpoints: ['readyz'],
  check: () => (isDraining() ? 'process is shutting down' : undefined),
});

/** The parts that verbs use. */
function coreOf(options: ApiServerOptions, encrypted: Encryption | undefined): Core {
  const { runtime, admission: plugins = [] } = options;
  const store = encrypted?.store ?? options.store;
  const resources = new Resources(store, runtime.log, encrypted?.assign);
  const metrics = new Metrics(resources);
  metrics.add(processFamilies(VERSION));
  const core: Core = {
    runtime,
    store,
    resources,
    admission: { admit: plugins.filter(({ admit }) => admit), validate: plugins.filter(({ validate }) => validate) },
    reader: cacheReader(resources),
    operations: objectOperations(
      resources,
      () => core,
      (endpoint, name, namespace, deleteOptions) => deleteByRule(core, endpoint, name, namespace, deleteOptions),
    ),
    metrics,
    rounds: new Rounds(runtime.clock),
    ...(encrypted ? { isStale: (key) => encrypted.store.isStale(key) } : {}),
  };
  return core;
}

/** What a request goes through. `documents`: what there is besides resources. */
function pipelineOf(options: ApiServerOptions, core: Core, documents: Documents, flowControl: FlowControl | undefined): Pipeline {
  const server = new Server({
    resources: core.resources,
    handlers: options.subresourceHandlers ?? [],
    delegation: (context) => options.delegation?.(context),
    document: (context) => ownDocument(options, context) ?? documents.answer(context),
  });
  return new Pipeline({
    flowControl,
    auditor: options.auditor,
    core,
    authenticators: options.authenticators ?? [],
    authorizer: options.authorizer,
    metrics: core.metrics,
    serve: (context) => server.serve(context),
  });
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { runtime } = options;
  const encrypted = options.encryptionConfiguration ? encryption(options.encryptionConfiguration, options.store, runtime) : undefined;
  const core = coreOf(options, encrypted);
  const { store, resources, metrics, reader } = core;
  const checks = [
    ...standardChecks(store, () => loaded),
    ...(encrypted?.checks ?? []),
    ...(options.healthChecks ?? []),
    shutdownCheck(() => draining),
  ];
  const documents = new Documents(core, metrics, checks, Object.keys(options.documents ?? {}));
  const flowControl =
    options.flowControl && new FlowControl({ runtime, resources, ...options.flowControl, onConditions: (all) => conditions(all) });
  if (flowControl) metrics.add(flowControl.families());
  const pipeline = pipelineOf(options, core, documents, flowControl);
  const listening = new Set<Listening>();
  let loaded = false;
  let draining = false;
  let closed = false;
  let stopMaintenance = () => {};
  const load = async () => {
    for (const definition of options.definitions) await resources.add(definition);
    loaded = true;
    if (!closed) flowControl?.start();
    stopMaintenance = closed ? () => {} : maintain(runtime, store, resources);
  };
  const ready = load();
  // Whoever awaits it hears of a failure; nobody has to.
  ready.catch((error) => runtime.log.error('the server could not load its store', error));
  const close = async () => {
    closed = true;
    draining = true;
    stopMaintenance();
    flowControl?.stop();
    await Promise.all([...listening].map((one) => one.close()));
    resources.stop();
    encrypted?.close();
    await options.auditor?.close();
  };
  const handle = async (request: ApiRequest) => {
    if (!loaded) await ready;
    return pipeline.handle(request);
  };
  const conditions = conditionWriter({ handle }, runtime);
  return {
    ready,
    reader,
    handle,
    listen: async (listenOptions) => {
      const one = await listen({ runtime, pipeline, upgradeHandlers: options.upgradeHandlers ?? [], ready }, listenOptions);
      listening.add(one);
      return one;
    },
    addMetrics: (families) => metrics.add(families),
    updateEncryption: (text) => encrypted?.update(text),
    addDefinition: async (definition, codec) => void (await resources.add(definition, codec)),
    removeDefinition: ({ group, version, resource }) => resources.remove(group, version, resource),
    delegate: (versions) => resources.delegate(versions),
    drain: () => {
      draining = true;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
