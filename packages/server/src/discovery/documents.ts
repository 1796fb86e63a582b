// The documents beside the resources: discovery, version, health, OpenAPI, metrics.
import type { KubeObject } from '@tiphys/api';
import type { ApiResponse } from '@tiphys/machinery';
import type { Metrics } from '../metrics.ts';
import { negotiate } from '../output/negotiate.ts';
import type { Core, RequestContext } from '../request/context.ts';
import { methodNotAllowed } from '../serve.ts';
import { AggregatedDiscovery, isAggregated } from './aggregated.ts';
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './classic.ts';
import { HEALTH_ENDPOINTS, type HealthCheck, healthAnswer } from './health.ts';
import { OpenApiDocuments } from './openapi.ts';
import { statusz } from './statusz.ts';

const json = (object: object): ApiResponse => ({ status: 200, headers: {}, body: { kind: 'object', object: object as KubeObject } });
const found = (object: object | undefined): ApiResponse | undefined => (object ? json(object) : undefined);

export const VERSION = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.3+tiphys',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node${process.versions.node}`,
  compiler: 'v8',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

const ROOT_PATHS = ['/api', '/apis', '/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/statusz', '/version'];
/** The same documents with a slash at the end, which upstream lists apart. */
const ROOT_FOLDERS = ['/apis/', '/openapi/v3/'];

export class Documents {
  readonly #core: Core;
  readonly #metrics: Metrics;
  readonly #checks: readonly HealthCheck[];
  readonly #aggregated: AggregatedDiscovery;
  readonly #openApi: OpenApiDocuments;
  readonly #others: readonly string[];

  /** `others`: paths of documents that somebody else answers. */
  constructor(core: Core, metrics: Metrics, checks: readonly HealthCheck[], others: readonly string[] = []) {
    this.#others = others;
    this.#core = core;
    this.#metrics = metrics;
    this.#checks = checks;
    this.#aggregated = new AggregatedDiscovery(core.resources);
    this.#openApi = new OpenApiDocuments(core.resources);
  }

  /** undefined when there is no such document. */
  async answer(context: RequestContext): Promise<ApiResponse | undefined> {
    const { info, request } = context;
    const path = info.path.replace(/\/+$/, '');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      if (ROOT_PATHS.includes(path)) throw methodNotAllowed();
      return undefined;
    }
    const parts = path.split('/').slice(1);
    if (path === '/version') return json(VERSION);
    if (path === '/metrics') return this.#metricsText();
    if (path === '/statusz') return statusz(request.headers, this.#paths(), this.#core.runtime.clock);
    if (path === '') return json({ paths: this.#paths() });
    if (path === '/api' || path === '/apis') return this.#root(context, path === '/api');
    if (parts[0] === 'api' && parts.length === 2) return found(apiResourceList(this.#core.resources, '', parts[1]!));
    if (parts[0] === 'apis' && parts.length === 2) return found(apiGroup(this.#core.resources, parts[1]!));
    if (parts[0] === 'apis' && parts.length === 3) return found(apiResourceList(this.#core.resources, parts[1]!, parts[2]!));
    if (parts[0] === 'openapi') return this.#openApi.answer(context, path);
    return healthAnswer(this.#checks, path, info.query, this.#core.runtime.log);
  }

  #root(context: RequestContext, core: boolean): ApiResponse {
    const { headers } = context.request;
    const { convert } = negotiate(headers, context.info.query, { encodings: ['json'], stream: false, converts: isAggregated });
    if (convert) return this.#aggregated.answer(context, core, convert.version);
    return json(core ? apiVersions(headers.host ?? '') : apiGroupList(this.#core.resources));
  }

  #paths(): string[] {
    const paths = new Set([...ROOT_PATHS, ...ROOT_FOLDERS, ...this.#others]);
    for (const { type } of this.#core.resources.told()) {
      if (type.group === '') paths.add(`/api/${type.version}`);
      else paths.add(`/apis/${type.group}`).add(`/apis/${type.group}/${type.version}`);
    }
    for (const { group, version } of this.#core.resources.delegated) paths.add(`/apis/${group}`).add(`/apis/${group}/${version}`);
    for (const { name, endpoints } of this.#checks) for (const endpoint of endpoints ?? HEALTH_ENDPOINTS) paths.add(`/${endpoint}/${name}`);
    return [...paths].sort();
  }

  #metricsText(): ApiResponse {
    const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
    return { status: 200, headers, body: { kind: 'bytes', bytes: Buffer.from(this.#metrics.text()) } };
  }
}
