// Paths and operations of a group version, in a form that both OpenAPI versions are rendered from.
import type { ResourceInfo } from '../schema/lookup.ts';

export interface Parameter {
  name: string;
  in: 'query' | 'path';
  type: 'string' | 'integer' | 'boolean';
  required?: boolean;
}

export interface Operation {
  method: 'get' | 'put' | 'post' | 'delete' | 'patch';
  action: string;
  id: string;
  summary: string;
  /** Of the group version whose path it is. */
  tag: string;
  /** Kind that the operation is about. */
  kind: { group: string; version: string; kind: string };
  parameters: readonly Parameter[];
  /** Type names; undefined means a plain string. */
  body?: string;
  response?: string;
  created: boolean;
}

export interface PathEntry {
  path: string;
  parameters: readonly Parameter[];
  operations: Operation[];
}

/** What paths need to know of a group version; custom groups bring their own type names. */
export interface GroupVersionTypes {
  group: string;
  version: string;
  resources: readonly ResourceInfo[];
  /** Full type name of a kind (and of its list, `<Kind>List`), or undefined. */
  typeName(kind: string, group?: string, version?: string): string | undefined;
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const query = (name: string, type: Parameter['type'] = 'string'): Parameter => ({ name, in: 'query', type });

const DRY_RUN = query('dryRun');
const WRITE = [DRY_RUN, query('fieldManager'), query('fieldValidation')];
const PATCH = [...WRITE, query('force', 'boolean')];
const SELECT = [
  query('continue'),
  query('fieldSelector'),
  query('labelSelector'),
  query('limit', 'integer'),
  query('resourceVersion'),
  query('resourceVersionMatch'),
  query('sendInitialEvents', 'boolean'),
  query('shardSelector'),
  query('timeoutSeconds', 'integer'),
];
const LIST = [query('allowWatchBookmarks', 'boolean'), ...SELECT, query('watch', 'boolean')];
const DELETE = [
  DRY_RUN,
  query('gracePeriodSeconds', 'integer'),
  query('ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean'),
  query('orphanDependents', 'boolean'),
  query('propagationPolicy'),
];
const PRETTY = query('pretty');
const NAME: Parameter = { name: 'name', in: 'path', type: 'string', required: true };
const NAMESPACE: Parameter = { name: 'namespace', in: 'path', type: 'string', required: true };
const CONNECTIONS = new Set(['attach', 'exec', 'portforward', 'proxy']);

interface Verb {
  method: Operation['method'];
  action: string;
  prefix: string;
  parameters: readonly Parameter[];
}

const COLLECTION_VERBS: Record<string, Verb> = {
  list: { method: 'get', action: 'list', prefix: 'list', parameters: LIST },
  create: { method: 'post', action: 'post', prefix: 'create', parameters: WRITE },
  deletecollection: { method: 'delete', action: 'deletecollection', prefix: 'delete', parameters: [...DELETE, ...SELECT] },
};
const OBJECT_VERBS: Record<string, Verb> = {
  get: { method: 'get', action: 'get', prefix: 'read', parameters: [] },
  update: { method: 'put', action: 'put', prefix: 'replace', parameters: WRITE },
  create: { method: 'post', action: 'post', prefix: 'create', parameters: WRITE },
  patch: { method: 'patch', action: 'patch', prefix: 'patch', parameters: PATCH },
  delete: { method: 'delete', action: 'delete', prefix: 'delete', parameters: DELETE },
};

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** `rbac.authorization.k8s.io` → `RbacAuthorization`. */
export function groupWord(group: string): string {
  if (group === '') return 'Core';
  return group
    .replace(/\.k8s\.io$/, '')
    .split(/[.-]/)
    .map(capital)
    .join('');
}

export const groupVersionTag = (group: string, version: string): string =>
  `${groupWord(group).charAt(0).toLowerCase()}${groupWord(group).slice(1)}_${version}`;

export const rootPath = (group: string, version: string): string => (group === '' ? `/api/${version}` : `/apis/${group}/${version}`);

/** Every path of the group version, sorted. */
export function pathsOf(types: GroupVersionTypes): PathEntry[] {
  return types.resources
    .flatMap((resource) => [...pathsOfResource(types, resource), ...watchPathsOf(types, resource)])
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function pathsOfResource(types: GroupVersionTypes, resource: ResourceInfo): PathEntry[] {
  const root = rootPath(types.group, types.version);
  const base = resource.namespaced ? `${root}/namespaces/{namespace}` : root;
  const scope = resource.namespaced ? [NAMESPACE] : [];
  const [plural, subresource] = resource.name.split('/');
  if (subresource) {
    const operations = operationsOf(types, resource, OBJECT_VERBS);
    return [withCommonParameters({ path: `${base}/${plural}/{name}/${subresource}`, parameters: [NAME, ...scope, PRETTY], operations })];
  }
  const entries: PathEntry[] = [
    { path: `${base}/${plural}`, parameters: [...scope, PRETTY], operations: operationsOf(types, resource, COLLECTION_VERBS) },
    {
      path: `${base}/${plural}/{name}`,
      parameters: [NAME, ...scope, PRETTY],
      operations: operationsOf(types, resource, { ...OBJECT_VERBS, create: undefined }),
    },
  ];
  if (resource.namespaced && resource.verbs.includes('list')) {
    const everywhere = operationsOf(types, resource, { list: COLLECTION_VERBS.list! }).map((operation) => ({
      ...operation,
      id: operation.id.replace(`Namespaced${resource.kind}`, `${resource.kind}ForAllNamespaces`),
    }));
    entries.push({ path: `${root}/${plural}`, parameters: [PRETTY], operations: everywhere });
  }
  return entries.filter((entry) => entry.operations.length > 0).map(withCommonParameters);
}

/** The paths below /watch/, which the parameter `watch` has long replaced. */
function watchPathsOf(types: GroupVersionTypes, resource: ResourceInfo): PathEntry[] {
  if (!resource.verbs.includes('watch')) return [];
  const root = `${rootPath(types.group, types.version)}/watch`;
  const scope = resource.namespaced ? [NAMESPACE] : [];
  const base = `${resource.namespaced ? `${root}/namespaces/{namespace}` : root}/${resource.name}`;
  const scoped = `${resource.namespaced ? 'Namespaced' : ''}${resource.kind}`;
  const entry = (path: string, action: string, name: string, parameters: readonly Parameter[]): PathEntry => {
    const operation: Operation = {
      method: 'get',
      tag: groupVersionTag(types.group, types.version),
      action,
      id: `watch${groupWord(types.group)}${capital(types.version)}${name}`,
      summary: `${action} ${resource.kind}`,
      kind: { group: types.group, version: types.version, kind: resource.kind },
      parameters: [],
      response: `${META}WatchEvent`,
      created: false,
    };
    return { path, parameters: [...LIST, ...parameters, PRETTY], operations: [operation] };
  };
  const everywhere = entry(`${root}/${resource.name}`, 'watchlist', `${resource.kind}ListForAllNamespaces`, []);
  return [
    entry(base, 'watchlist', `${scoped}List`, scope),
    entry(`${base}/{name}`, 'watch', scoped, [NAME, ...scope]),
    ...(resource.namespaced ? [everywhere] : []),
  ];
}

/** What all of a path's verbs take stands beside them, which is everything where there is but one. */
function withCommonParameters({ path, parameters, operations }: PathEntry): PathEntry {
  const [only] = operations;
  if (operations.length !== 1 || !only) return { path, parameters, operations };
  return { path, parameters: [...only.parameters, ...parameters], operations: [{ ...only, parameters: [] }] };
}

function operationsOf(types: GroupVersionTypes, resource: ResourceInfo, verbs: Record<string, Verb | undefined>): Operation[] {
  const subresource = resource.name.split('/')[1] ?? '';
  const connects = CONNECTIONS.has(subresource);
  const proxies = subresource === 'proxy';
  const offered = proxies ? Object.keys(OBJECT_VERBS) : connects ? ['get', 'create'] : resource.verbs;
  return offered.flatMap((name) => {
    const verb = verbs[name];
    return verb ? [operationOf(types, resource, verb, connects, subresource)] : [];
  });
}

function operationOf(types: GroupVersionTypes, resource: ResourceInfo, verb: Verb, connects: boolean, subresource: string): Operation {
  const kind = { group: resource.group ?? types.group, version: resource.version ?? types.version, kind: resource.kind };
  const own = types.typeName(resource.kind, kind.group, kind.version);
  const parent = types.resources.find((other) => other.name === resource.name.split('/')[0])?.kind ?? resource.kind;
  const scope = resource.namespaced ? 'Namespaced' : '';
  const groupVersion = `${groupWord(types.group)}${capital(types.version)}`;
  const start = connects ? `connect${groupVersion}${capital(verb.method)}` : `${verb.prefix}${groupVersion}`;
  const collection = verb.action === 'deletecollection' ? 'Collection' : '';
  const id = `${start}${collection}${scope}${parent}${capital(subresource)}`;
  const deletes = verb.method === 'delete';
  const listType = types.typeName(`${resource.kind}List`, kind.group, kind.version);
  const bodies: Partial<Record<Operation['method'], string | undefined>> = {
    put: own,
    post: own,
    patch: `${META}Patch`,
    delete: `${META}DeleteOptions`,
  };
  return {
    method: verb.method,
    tag: groupVersionTag(types.group, types.version),
    action: connects ? 'connect' : verb.action,
    id,
    summary: `${verb.prefix} ${resource.kind}${subresource ? ` (${subresource})` : ''}`,
    kind,
    parameters: connects ? [] : verb.parameters,
    ...(connects ? {} : { body: bodies[verb.method], response: deletes ? `${META}Status` : verb.action === 'list' ? listType : own }),
    created: ['post', 'put', 'patch'].includes(verb.method),
  };
}
