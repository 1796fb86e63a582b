// /openapi/v2, /openapi/v3 and the documents below it, made when they are first asked for and kept until what is served
// changes (apiserver server/routes/openapi.go, kube-openapi pkg/handler3).
import { createHash } from 'node:crypto';
import {
  OPENAPI_V2_PROTOBUF,
  type OpenApiGroupVersion,
  openApiPath,
  openApiServerPaths,
  openApiV2,
  openApiV2Protobuf,
  openApiV3,
  openApiV3OfServer,
  typeNameOfKind,
} from '@tiphys/api';
import type { ApiResponse } from '@tiphys/machinery';
import type { RequestContext } from '../request/context.ts';
import type { Endpoint, Resources } from '../resources.ts';
import { resourceRows, servedGroups } from './classic.ts';
import { mergedOpenApiV2, type OpenApiV2 } from './merge-openapi.ts';

interface Kept {
  generation: number;
  bytes: Uint8Array;
  etag: string;
}

const YEAR_MS = 365 * 24 * 3600 * 1000;
const hashOf = (content: string | Uint8Array): string => createHash('sha512').update(content).digest('hex').toUpperCase();

/** Upstream says no word of a document that isn't there. */
const NOTHING: ApiResponse = { status: 404, headers: {}, body: { kind: 'empty' } };

export class OpenApiDocuments {
  readonly #resources: Resources;
  readonly #kept = new Map<string, Kept>();

  constructor(resources: Resources) {
    this.#resources = resources;
  }

  answer(context: RequestContext, path: string): ApiResponse | undefined {
    if (path === '/openapi/v2') return this.#v2(context);
    if (path === '/openapi/v3') return this.#index();
    if (path.startsWith('/openapi/v3/')) return this.#v3(context, path.slice('/openapi/v3/'.length));
    return undefined;
  }

  #v2(context: RequestContext): ApiResponse {
    const protobuf = (context.request.headers.accept ?? '').includes('proto-openapi.spec.v2');
    const type = protobuf ? OPENAPI_V2_PROTOBUF : 'application/json';
    const kept = this.#keep(type, () => {
      const own = openApiV2(this.#customGroupVersions(), (group, version) => this.#isBuiltIn(group, version)) as OpenApiV2;
      const document = mergedOpenApiV2(own, this.#resources.delegated) as never;
      return protobuf ? openApiV2Protobuf(document) : Buffer.from(JSON.stringify(document));
    });
    return answered(context, kept, { 'content-type': type, vary: 'Accept' });
  }

  /** The hashes come from what the documents are made of, so that the index costs nothing. */
  #index(): ApiResponse {
    const kept = this.#keep('index', () => {
      const paths: Record<string, { serverRelativeURL: string }> = {};
      for (const path of openApiServerPaths(this.#builtInGroups())) {
        paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(path)}` };
      }
      for (const { group, versions } of servedGroups(this.#resources)) {
        for (const version of versions) {
          const path = openApiPath(group, version);
          const delegated = this.#resources.delegated.find((each) => each.group === group && each.version === version);
          if (delegated) {
            if (delegated.openApiV3Url) paths[path] = { serverRelativeURL: delegated.openApiV3Url };
          } else if (this.#resources.hasGroupVersion(group, version)) {
            paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${this.#hash(group, version)}` };
          }
        }
      }
      return Buffer.from(JSON.stringify({ paths }));
    });
    return { status: 200, headers: { 'content-type': 'application/json' }, body: { kind: 'bytes', bytes: kept.bytes } };
  }

  #v3(context: RequestContext, path: string): ApiResponse {
    const groups = this.#builtInGroups();
    if (openApiServerPaths(groups).includes(path))
      return this.#v3Document(context, path, hashOf(path), () => openApiV3OfServer(path, groups)!);
    const [prefix, ...rest] = path.split('/');
    const [group, version] = prefix === 'api' ? ['', rest[0]] : [rest[0], rest[1]];
    if (group === undefined || version === undefined || !this.#resources.hasGroupVersion(group, version)) return NOTHING;
    return this.#v3Document(context, path, this.#hash(group, version), () => openApiV3(group, version, this.#custom(group, version))!);
  }

  #v3Document(context: RequestContext, path: string, hash: string, make: () => object): ApiResponse {
    const asked = context.info.query.get('hash');
    if (asked && asked !== hash) {
      return { status: 301, headers: { location: `/openapi/v3/${path}?hash=${hash}` }, body: { kind: 'empty' } };
    }
    const kept = this.#keep(path, () => Buffer.from(JSON.stringify(make())), hash);
    const expires = new Date(context.core.runtime.clock.now() + YEAR_MS).toUTCString();
    const immutable: Record<string, string> = asked ? { 'cache-control': 'public, immutable', expires } : {};
    return answered(context, kept, { 'content-type': 'application/json', vary: 'Accept', ...immutable });
  }

  /** Whether it is served, and from the tables. */
  #isBuiltIn(group: string, version: string): boolean {
    const endpoints = this.#endpoints(group, version);
    return endpoints.length > 0 && endpoints.every(({ codec }) => !codec.openApiSchema);
  }

  #builtInGroups(): string[] {
    return servedGroups(this.#resources)
      .filter(({ group, versions }) => versions.some((version) => this.#isBuiltIn(group, version)))
      .map(({ group }) => group);
  }

  #endpoints(group: string, version: string): Endpoint[] {
    return this.#resources.told().filter(({ type }) => type.group === group && type.version === version);
  }

  #hash(group: string, version: string): string {
    const facts = this.#endpoints(group, version).map(({ definition, codec }) => [
      resourceRows(definition),
      codec.openApiSchema ?? definition.schema,
    ]);
    return hashOf(JSON.stringify([group, version, facts]));
  }

  /** undefined for built-in group versions. */
  #custom(group: string, version: string): OpenApiGroupVersion | undefined {
    const endpoints = this.#endpoints(group, version).filter(({ codec }) => codec.openApiSchema);
    if (endpoints.length === 0) return undefined;
    const names = new Map<string, string>();
    const schemas: Record<string, object> = {};
    for (const { definition, codec, type } of endpoints) {
      const { schema } = definition;
      names.set(type.kind, schema);
      names.set(`${type.kind}List`, `${schema}List`);
      schemas[schema] = codec.openApiSchema!;
      schemas[`${schema}List`] = listSchema(schema, type, (codec.openApiSchema as Record<string, unknown>)[SELECTABLE]);
    }
    return {
      group,
      version,
      resources: endpoints.flatMap(({ definition }) => resourceRows(definition)) as unknown as OpenApiGroupVersion['resources'],
      typeName: (kind, otherGroup = group, otherVersion = version) => names.get(kind) ?? typeNameOfKind(otherGroup, otherVersion, kind),
      schemas: schemas as OpenApiGroupVersion['schemas'],
    };
  }

  #customGroupVersions(): OpenApiGroupVersion[] {
    return servedGroups(this.#resources).flatMap(({ group, versions }) =>
      versions.map((version) => this.#custom(group, version)).filter((custom) => custom !== undefined),
    );
  }

  #keep(key: string, make: () => Uint8Array, hash?: string): Kept {
    const { generation } = this.#resources;
    let kept = this.#kept.get(key);
    if (kept?.generation !== generation && !(hash && kept?.etag === JSON.stringify(hash))) {
      const bytes = make();
      kept = { generation, bytes, etag: JSON.stringify(hash ?? hashOf(bytes)) };
      this.#kept.set(key, kept);
    }
    return kept!;
  }
}

const META = '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1';

const SELECTABLE = 'x-kubernetes-selectable-fields';

/** `selectable`: what fields lists can be chosen by, as the items' schema says it. */
function listSchema(item: string, { group, version, kind }: { group: string; version: string; kind: string }, selectable: unknown): object {
  const text = { type: 'string' };
  return {
    description: `${kind}List is a list of ${kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: text,
      kind: text,
      metadata: { allOf: [{ $ref: `${META}.ListMeta` }] },
      items: { type: 'array', items: { $ref: `#/components/schemas/${item}` } },
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind: `${kind}List` }],
    ...(selectable ? { [SELECTABLE]: selectable } : {}),
  };
}

function answered(context: RequestContext, { bytes, etag }: Kept, headers: Record<string, string>): ApiResponse {
  const all = { ...headers, etag };
  if (context.request.headers['if-none-match'] === etag) return { status: 304, headers: all, body: { kind: 'empty' } };
  return { status: 200, headers: all, body: { kind: 'bytes', bytes } };
}
