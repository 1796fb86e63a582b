// Paths of a group version with their operations.
import type { ResourceInfo } from '../schema/lookup.ts';
import {
  COLLECTION_VERBS,
  capital,
  connectionsOf,
  connects,
  type GroupVersionTypes,
  groupVersionTag,
  groupWord,
  LIST,
  META,
  NAME,
  NAMESPACE,
  OBJECT_VERBS,
  type Operation,
  operationsOf,
  type Parameter,
  PRETTY,
  rootPath,
  subresourceParameters,
} from './operations.ts';

export interface PathEntry {
  path: string;
  parameters: readonly Parameter[];
  operations: Operation[];
}

const PATH: Parameter = { name: 'path', in: 'path', type: 'string', required: true };

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
  if (subresource) return subresourcePathsOf(types, resource, `${base}/${plural}/{name}/${subresource}`, [NAME, ...scope]);
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

function subresourcePathsOf(types: GroupVersionTypes, resource: ResourceInfo, path: string, scope: readonly Parameter[]): PathEntry[] {
  const parameters = [...subresourceParameters(resource), ...scope];
  if (!connects(resource)) return [withCommonParameters({ path, parameters, operations: operationsOf(types, resource, OBJECT_VERBS) })];
  const entries: PathEntry[] = [{ path, parameters, operations: connectionsOf(types, resource) }];
  if (resource.name.endsWith('/proxy')) {
    const operations = connectionsOf(types, resource, 'WithPath');
    entries.push({ path: `${path}/{path}`, parameters: [...parameters, PATH], operations });
  }
  return entries;
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
