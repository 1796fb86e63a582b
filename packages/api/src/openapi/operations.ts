// Operations on a resource, in a form that both OpenAPI versions are rendered from (apiserver pkg/endpoints/installer.go).

import { DESCRIBED_AS_STATUS, RETURNS_DELETED } from '../schema/deletion.ts';
import type { ResourceInfo } from '../schema/lookup.ts';
import { type FieldNode, findStruct, ValueKind } from '../schema/nodes.ts';

export interface Parameter {
  name: string;
  in: 'query' | 'path';
  type: 'string' | 'integer' | 'boolean';
  required?: boolean;
}

export interface Operation {
  method: 'get' | 'put' | 'post' | 'delete' | 'patch' | 'head' | 'options';
  /** Absent, with the kind, where no resource is meant. */
  action?: string;
  id: string;
  summary: string;
  /** Of the group version whose path it is. */
  tag: string;
  /** Kind that the operation is about. */
  kind?: { group: string; version: string; kind: string };
  parameters: readonly Parameter[];
  /** Type names; undefined means a plain string. */
  body?: string;
  response?: string;
  /** Media types, where they are not those of all objects. */
  consumes?: readonly string[];
  produces?: readonly string[];
  created: boolean;
}

/** What paths need to know of a group version; custom groups bring their own type names. */
export interface GroupVersionTypes {
  group: string;
  version: string;
  resources: readonly ResourceInfo[];
  /** Full type name of a kind (and of its list, `<Kind>List`), or undefined. */
  typeName(kind: string, group?: string, version?: string): string | undefined;
}

export const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
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
export const LIST = [query('allowWatchBookmarks', 'boolean'), ...SELECT, query('watch', 'boolean')];
const DELETE = [
  DRY_RUN,
  query('gracePeriodSeconds', 'integer'),
  query('ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean'),
  query('orphanDependents', 'boolean'),
  query('propagationPolicy'),
];
export const PRETTY = query('pretty');
export const NAME: Parameter = { name: 'name', in: 'path', type: 'string', required: true };
export const NAMESPACE: Parameter = { name: 'namespace', in: 'path', type: 'string', required: true };
export const MEDIA_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const CORE = 'io.k8s.api.core.v1.';
const ANY_TYPE = ['*/*'];

/** Subresources that are connections rather than objects, with the methods they take. */
const CONNECTIONS: Readonly<Record<string, readonly Operation['method'][]>> = {
  attach: ['get', 'post'],
  exec: ['get', 'post'],
  portforward: ['get', 'post'],
  proxy: ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'],
};

/** Subresources that answer with text: the type that holds their parameters, and what they may be asked for as. */
const TEXTS: Readonly<Record<string, { options: string; produces: readonly string[] }>> = {
  'pods/log': {
    options: 'PodLogOptions',
    produces: ['text/plain', ...MEDIA_TYPES],
  },
};

export const connects = (resource: ResourceInfo): boolean => CONNECTIONS[subresourceOf(resource)] !== undefined;
const subresourceOf = (resource: ResourceInfo): string => resource.name.split('/')[1] ?? '';

const PARAMETER_TYPES: Partial<Record<ValueKind, Parameter['type']>> = {
  [ValueKind.string]: 'string',
  [ValueKind.bool]: 'boolean',
  [ValueKind.int32]: 'integer',
  [ValueKind.int64]: 'integer',
};

/** Scalar fields of an options type, and of lists of scalars, are parameters. */
function parametersOfOptions(kind: string): Parameter[] {
  const parameterOf = ({ name, value }: FieldNode): Parameter[] => {
    const type = PARAMETER_TYPES[(value.item ?? value).kind];
    return type ? [query(name, type)] : [];
  };
  return findStruct(`${CORE}${kind}`)?.fields.flatMap(parameterOf) ?? [];
}

/** Parameters that a subresource takes with all of its methods. */
export function subresourceParameters(resource: ResourceInfo): readonly Parameter[] {
  if (connects(resource)) return parametersOfOptions(resource.kind);
  const text = TEXTS[resource.name];
  return text ? [...parametersOfOptions(text.options), PRETTY] : [PRETTY];
}

interface Verb {
  method: Operation['method'];
  action: string;
  prefix: string;
  parameters: readonly Parameter[];
}

export const COLLECTION_VERBS: Record<string, Verb> = {
  list: { method: 'get', action: 'list', prefix: 'list', parameters: LIST },
  create: { method: 'post', action: 'post', prefix: 'create', parameters: WRITE },
  deletecollection: { method: 'delete', action: 'deletecollection', prefix: 'delete', parameters: [...DELETE, ...SELECT] },
};
export const OBJECT_VERBS: Record<string, Verb> = {
  get: { method: 'get', action: 'get', prefix: 'read', parameters: [] },
  update: { method: 'put', action: 'put', prefix: 'replace', parameters: WRITE },
  create: { method: 'post', action: 'post', prefix: 'create', parameters: WRITE },
  patch: { method: 'patch', action: 'patch', prefix: 'patch', parameters: PATCH },
  delete: { method: 'delete', action: 'delete', prefix: 'delete', parameters: DELETE },
};

export const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

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

const groupVersionWord = ({ group, version }: GroupVersionTypes): string => `${groupWord(group)}${capital(version)}`;

const kindOf = (types: GroupVersionTypes, { group, version, kind }: ResourceInfo): NonNullable<Operation['kind']> => ({
  group: group ?? types.group,
  version: version ?? types.version,
  kind,
});

/** `NamespacedPodExec`: of what the operation is, as ids end. */
function objectWord(types: GroupVersionTypes, resource: ResourceInfo): string {
  const parent = types.resources.find((other) => other.name === resource.name.split('/')[0])?.kind ?? resource.kind;
  return `${resource.namespaced ? 'Namespaced' : ''}${parent}${capital(subresourceOf(resource))}`;
}

export function operationsOf(types: GroupVersionTypes, resource: ResourceInfo, verbs: Record<string, Verb | undefined>): Operation[] {
  return resource.verbs.flatMap((name) => {
    const verb = verbs[name];
    return verb ? [operationOf(types, resource, verb)] : [];
  });
}

/** `suffix` tells the two paths of a proxy apart: with and without a path behind it. */
export function connectionsOf(types: GroupVersionTypes, resource: ResourceInfo, suffix = ''): Operation[] {
  return CONNECTIONS[subresourceOf(resource)]!.map((method) => ({
    method,
    tag: groupVersionTag(types.group, types.version),
    action: 'connect',
    id: `connect${groupVersionWord(types)}${capital(method)}${objectWord(types, resource)}${suffix}`,
    summary: `connect with ${resource.name}`,
    kind: kindOf(types, resource),
    parameters: [],
    consumes: ANY_TYPE,
    produces: ANY_TYPE,
    created: false,
  }));
}

function responseOf(types: GroupVersionTypes, resource: ResourceInfo, { method, action }: Verb): string | undefined {
  const { group, version, kind } = kindOf(types, resource);
  if (TEXTS[resource.name]) return undefined;
  if (action === 'list') return types.typeName(`${kind}List`, group, version);
  const key = `${types.group}/${resource.name}`;
  const answersWithObject = method !== 'delete' || (action === 'delete' && RETURNS_DELETED.has(key) && !DESCRIBED_AS_STATUS.has(key));
  return !answersWithObject ? `${META}Status` : types.typeName(kind, group, version);
}

function operationOf(types: GroupVersionTypes, resource: ResourceInfo, verb: Verb): Operation {
  const kind = kindOf(types, resource);
  const own = types.typeName(resource.kind, kind.group, kind.version);
  const collection = verb.action === 'deletecollection' ? 'Collection' : '';
  const subresource = subresourceOf(resource);
  const bodies: Partial<Record<Operation['method'], string | undefined>> = {
    put: own,
    post: own,
    patch: `${META}Patch`,
    delete: `${META}DeleteOptions`,
  };
  return {
    method: verb.method,
    tag: groupVersionTag(types.group, types.version),
    action: verb.action,
    id: `${verb.prefix}${groupVersionWord(types)}${collection}${objectWord(types, resource)}`,
    summary: `${verb.prefix} ${resource.kind}${subresource ? ` (${subresource})` : ''}`,
    kind,
    parameters: verb.parameters,
    body: bodies[verb.method],
    response: responseOf(types, resource, verb),
    ...(TEXTS[resource.name] ? { produces: TEXTS[resource.name]!.produces } : {}),
    created: ['post', 'put', 'patch'].includes(verb.method),
  };
}
