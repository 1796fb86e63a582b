// The OpenAPI documents: one of v3 per group version with an index, and one of v2 for everything (apiserver
// server/routes/openapi.go, kube-openapi pkg/handler, pkg/handler3). Made when asked for; callers keep the bytes.
import { builtInGroups, builtInResources, typeNameOfKind } from '../schema/lookup.ts';
import { customPathsOf } from './custom-paths.ts';
import { documentOf, resourcesPath, serverPaths } from './discovery-paths.ts';
import { encodeGnosticV2 } from './gnostic.ts';
import { type GroupVersionTypes, MEDIA_TYPES, type Operation, type Parameter, rootPath } from './operations.ts';
import { type PathEntry, pathsOf } from './paths.ts';
import { type JsonSchema, type Kinds, reachableTypes, schemaOfType, toV2Definition, V2_REFERENCE, V3_REFERENCE } from './schemas.ts';
import { kindsOfAll, kindsOfCustom, kindsOfGroupVersion } from './shared-kinds.ts';

const CUSTOM_INFO = { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' };
const INFO = { title: 'Kubernetes', version: '1.36' };
const STREAM_TYPES = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];
/** A group version that isn't built in, such as a custom resource's: its schemas are v3 component schemas by type name. */
export interface OpenApiGroupVersion extends GroupVersionTypes {
  schemas: Readonly<Record<string, JsonSchema>>;
}

/** Whether a built-in group version is served. */
export type IsServed = (group: string, version: string) => boolean;

const builtIn = (group: string, version: string): GroupVersionTypes => ({
  group,
  version,
  resources: builtInResources(group, version),
  typeName: (kind, otherGroup = group, otherVersion = version) => typeNameOfKind(otherGroup, otherVersion, kind),
});

/** `api/v1`, `apis/apps/v1`: the key of a group version in the index and below /openapi/v3/. */
export const openApiPath = (group: string, version: string): string => rootPath(group, version).slice(1);

/** The v3 document of a built-in group version, or of one that is handed in. Undefined for what doesn't exist. */
export function openApiV3(group: string, version: string, custom?: OpenApiGroupVersion): object | undefined {
  const types = custom ?? builtIn(group, version);
  if (types.resources.length === 0) return undefined;
  const entries = custom ? customPathsOf(types) : [resourcesPath(group, version), ...pathsOf(types)];
  return documentV3(entries, custom ? kindsOfCustom() : kindsOfGroupVersion(group, version), custom?.schemas);
}

/** The names of v3 documents that belong to no group version: `apis`, `apis/apps`, `version` … */
export const openApiServerPaths = (groups: readonly string[]): string[] => serverPaths(groups).map(documentOf);

/** The v3 document of that name. */
export function openApiV3OfServer(name: string, groups: readonly string[]): object | undefined {
  const entry = serverPaths(groups).find((each) => documentOf(each) === name);
  return entry && documentV3([entry]);
}

function documentV3(entries: readonly PathEntry[], kinds?: Kinds, custom?: OpenApiGroupVersion['schemas']): object {
  const schemas: Record<string, unknown> = {};
  for (const name of reachableTypes([...typesUsed(entries), ...referencesIn(custom)])) schemas[name] = schemaOfType(name, 3, kinds);
  Object.assign(schemas, custom);
  return {
    openapi: '3.0.0',
    info: custom ? CUSTOM_INFO : INFO,
    paths: Object.fromEntries(entries.map((entry) => [entry.path, pathV3(entry)])),
    components: {
      ...(Object.keys(schemas).length > 0 ? { schemas } : {}),
      // Upstream's describer of custom resources leaves them out.
      ...(custom
        ? {}
        : { securitySchemes: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer token.' } } }),
    },
  };
}

function typesUsed(entries: readonly PathEntry[]): string[] {
  return entries
    .flatMap((entry) => entry.operations.flatMap((operation) => [operation.body, operation.response]))
    .filter((name) => name !== undefined);
}

/** Built-in types that custom schemas refer to, such as ObjectMeta. */
function referencesIn(schemas: object | undefined): string[] {
  if (!schemas) return [];
  return [...JSON.stringify(schemas).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]!);
}

function pathV3(entry: PathEntry): object {
  return {
    ...(entry.parameters.length > 0 ? { parameters: entry.parameters.map(parameterV3) } : {}),
    ...Object.fromEntries(entry.operations.map((operation) => [operation.method, operationV3(operation)])),
  };
}

const parameterV3 = (parameter: Parameter) => ({
  name: parameter.name,
  in: parameter.in,
  ...(parameter.required ? { required: true } : {}),
  schema: { type: parameter.type, uniqueItems: true },
});

const STREAMED_ACTIONS = new Set(['list', 'watch', 'watchlist']);
const mediaTypesOf = ({ action, produces }: Operation) =>
  produces ?? (action !== undefined && STREAMED_ACTIONS.has(action) ? [...MEDIA_TYPES, ...STREAM_TYPES] : MEDIA_TYPES);

function operationV3(operation: Operation): object {
  const schema = (typeName: string | undefined) => ({ schema: typeName ? { $ref: `${V3_REFERENCE}${typeName}` } : { type: 'string' } });
  const content = (mediaTypes: readonly string[], typeName: string | undefined) =>
    Object.fromEntries(mediaTypes.map((mediaType) => [mediaType, schema(typeName)]));
  const answer = content(mediaTypesOf(operation), operation.response);
  const accepted = operation.consumes ?? (operation.method === 'patch' ? PATCH_TYPES : ['*/*']);
  return {
    ...shared(operation),
    ...(operation.parameters.length > 0 ? { parameters: operation.parameters.map(parameterV3) } : {}),
    ...(operation.body
      ? { requestBody: { content: content(accepted, operation.body), ...(operation.method === 'delete' ? {} : { required: true }) } }
      : {}),
    responses: responses(operation, (description) => ({ description, content: answer })),
  };
}

function shared(operation: Operation): object {
  return {
    description: operation.summary,
    operationId: operation.id,
    tags: [operation.tag],
    ...(operation.action ? { 'x-kubernetes-action': operation.action } : {}),
    ...(operation.kind ? { 'x-kubernetes-group-version-kind': operation.kind } : {}),
  };
}

function responses(operation: Operation, make: (description: string) => object): object {
  return {
    200: make('OK'),
    ...(operation.created ? { 201: make('Created') } : {}),
    ...(operation.action === 'delete' || operation.action === 'post' ? { 202: make('Accepted') } : {}),
    401: { description: 'Unauthorized' },
  };
}

/** The v2 document of the built-in group versions that are served and of those handed in. */
export function openApiV2(custom: readonly OpenApiGroupVersion[] = [], isServed: IsServed = () => true): object {
  const served = builtInGroups().flatMap(({ group, versions }) =>
    versions.filter(({ version }) => isServed(group, version)).map(({ version }) => builtIn(group, version)),
  );
  const entries = [
    ...serverPaths([...new Set(served.map(({ group }) => group))]),
    ...served.flatMap((types) => [resourcesPath(types.group, types.version), ...pathsOf(types)]),
    ...custom.flatMap(customPathsOf),
  ];
  const definitions: Record<string, unknown> = {};
  const customReferences = custom.flatMap((types) => referencesIn(types.schemas));
  const kinds = kindsOfAll();
  for (const name of reachableTypes([...typesUsed(entries), ...customReferences])) definitions[name] = schemaOfType(name, 2, kinds);
  for (const { schemas } of custom) for (const [name, schema] of Object.entries(schemas)) definitions[name] = toV2Definition(schema);
  return {
    swagger: '2.0',
    info: INFO,
    paths: Object.fromEntries(entries.map((entry) => [entry.path, pathV2(entry)])),
    definitions,
    securityDefinitions: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer token.' } },
    security: [{ BearerToken: [] }],
  };
}

/** The media types clients ask for; the first one is what answers carry, since `@` isn't allowed in a media type. */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
export const OPENAPI_V2_PROTOBUF_DEPRECATED = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

/** The v2 document as gnostic's protobuf. */
export const openApiV2Protobuf = (document: object): Uint8Array => encodeGnosticV2(document as JsonSchema);

function pathV2(entry: PathEntry): object {
  return {
    ...(entry.parameters.length > 0 ? { parameters: entry.parameters.map(parameterV2) } : {}),
    ...Object.fromEntries(entry.operations.map((operation) => [operation.method, operationV2(operation)])),
  };
}

const parameterV2 = ({ name, in: place, type, required }: Parameter) => ({
  name,
  in: place,
  ...(required ? { required: true } : {}),
  type,
  uniqueItems: true,
});

function operationV2(operation: Operation): object {
  const reference = (typeName: string) => ({ $ref: `${V2_REFERENCE}${typeName}` });
  const body = operation.body
    ? [{ name: 'body', in: 'body', ...(operation.method === 'delete' ? {} : { required: true }), schema: reference(operation.body) }]
    : [];
  const consumes = operation.consumes ?? (operation.method === 'patch' ? PATCH_TYPES : ['*/*']);
  const schema = operation.response ? reference(operation.response) : { type: 'string' };
  return {
    ...shared(operation),
    ...(consumes.length > 0 ? { consumes } : {}),
    produces: mediaTypesOf(operation),
    schemes: ['https'],
    ...(body.length + operation.parameters.length > 0 ? { parameters: [...body, ...operation.parameters.map(parameterV2)] } : {}),
    responses: responses(operation, (description) => ({ description, schema })),
  };
}
