// How paths of custom resources are described, which is a little different from those of built-in ones: no protobuf, no
// strategic merge patch, no watches of their own, and what a list takes for deleting a collection (apiextensions-apiserver controller/openapi/builder).
import { type GroupVersionTypes, LIST, type Operation, type Parameter, rootPath } from './operations.ts';
import { type PathEntry, pathsOf } from './paths.ts';

const MEDIA_TYPES = ['application/json', 'application/yaml'];
const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'];
const RESOURCE_VERSION: Parameter = { name: 'resourceVersion', in: 'query', type: 'string' };

function customOperation(operation: Operation): Operation {
  const isPatch = operation.method === 'patch';
  const common = { ...operation, consumes: isPatch ? PATCH_TYPES : MEDIA_TYPES, produces: MEDIA_TYPES };
  if (isPatch) return { ...common, created: false };
  if (operation.action === 'get') return { ...common, parameters: [...operation.parameters, RESOURCE_VERSION] };
  if (operation.action === 'deletecollection') return { ...common, parameters: LIST, body: undefined };
  return common;
}

export const customPathsOf = (types: GroupVersionTypes): PathEntry[] =>
  pathsOf(types)
    .filter(({ path }) => !path.startsWith(`${rootPath(types.group, types.version)}/watch/`))
    .map((entry) => ({ ...entry, operations: entry.operations.map((operation) => customOperation(asParent(types, entry, operation))) }));

/** A scale is described by the kind that it is of. */
function asParent({ group, version, resources }: GroupVersionTypes, { path }: PathEntry, operation: Operation): Operation {
  const resource = /\/([^/]+)\/\{name\}\/scale$/.exec(path)?.[1];
  const parent = resource && resources.find(({ name }) => name === resource);
  return parent && operation.kind ? { ...operation, kind: { group, version, kind: parent.kind } } : operation;
}
