// The documents by which a server shows itself, in a form that can be compared: bootstrap policy, discovery, OpenAPI.
import type { Fetch } from '../../tools/upstream/upstream.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const RBAC_RESOURCES = ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'];
const METADATA_OF_THE_SERVER = ['uid', 'resourceVersion', 'creationTimestamp', 'managedFields'];

export type Documents = Map<string, unknown>;

/** OpenAPI without its prose: descriptions are each project's own. */
function withoutDescriptions(value: unknown, inProperties = false): unknown {
  if (Array.isArray(value)) return value.map((each) => withoutDescriptions(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, text]) => inProperties || key !== 'description' || typeof text !== 'string')
      .map(([key, each]) => [key, withoutDescriptions(each, key === 'properties' && !inProperties)]),
  );
}

/**
 * Without prose, and with parameters by place and name instead of by position: version 2 may write them out or refer to a
 * common one, which says the same.
 */
export function comparableOpenApi(document: any): unknown {
  const { parameters: common = {}, ...rest } = document;
  const resolved = (parameter: any) => (parameter.$ref ? (common[parameter.$ref.slice('#/parameters/'.length)] ?? parameter) : parameter);
  const named = (list: any[]) => Object.fromEntries(list.map(resolved).map((each) => [`${each.in} ${each.name}`, each]));
  const form = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(form);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, key === 'parameters' && Array.isArray(each) ? named(each) : form(each)]),
    );
  };
  return withoutDescriptions({ ...(form(rest) as object) });
}

function policyObject(object: any): [string, unknown] {
  const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => !METADATA_OF_THE_SERVER.includes(key)));
  return [
    object.metadata.namespace ? `${object.metadata.namespace}/${object.metadata.name}` : object.metadata.name,
    { ...object, metadata },
  ];
}

async function policy(fetch: Fetch, documents: Documents): Promise<void> {
  for (const resource of RBAC_RESOURCES) {
    const list = JSON.parse(await fetch(`${RBAC}/${resource}`));
    documents.set(`policy/${resource}`, Object.fromEntries(list.items.map(policyObject)));
  }
}

const asSet = (values: string[]): Record<string, true> => Object.fromEntries(values.map((value) => [value, true]));

const byName = (rows: any[], name: string): Record<string, unknown> => Object.fromEntries(rows.map((row) => [row[name], row]));

async function discovery(fetch: Fetch, documents: Documents): Promise<void> {
  const groups = JSON.parse(await fetch('/apis'));
  documents.set('discovery/apis', groups);
  documents.set('discovery/paths', asSet(JSON.parse(await fetch('/')).paths));
  const versions = ['/api/v1', ...groups.groups.flatMap((group: any) => group.versions.map((v: any) => `/apis/${v.groupVersion}`))];
  for (const path of versions) {
    const list = JSON.parse(await fetch(path));
    documents.set(`discovery${path}`, { ...list, resources: byName(list.resources, 'name') });
  }
  for (const path of ['/api', '/apis']) documents.set(`aggregated${path}`, aggregatedForm(JSON.parse(await fetch(path, AGGREGATED))));
}

function aggregatedForm(list: any): unknown {
  const items = list.items.map((group: any) => ({
    metadata: { name: group.metadata.name },
    versions: group.versions.map((version: any) => ({ ...version, resources: byName(version.resources, 'resource') })),
  }));
  return { ...list, items };
}

async function openApi(fetch: Fetch, documents: Documents): Promise<void> {
  documents.set('openapi/v2', comparableOpenApi(JSON.parse(await fetch('/openapi/v2'))));
  const { paths } = JSON.parse(await fetch('/openapi/v3'));
  documents.set('openapi/v3', asSet(Object.keys(paths)));
  for (const path of Object.keys(paths)) {
    documents.set(`openapi/v3/${path}`, comparableOpenApi(JSON.parse(await fetch(paths[path].serverRelativeURL))));
  }
}

const PARTS: Record<string, (fetch: Fetch, documents: Documents) => Promise<void>> = { policy, discovery, openapi: openApi };
export const PART_NAMES = Object.keys(PARTS);

/** All documents of the wanted parts by name. */
export async function documentsOf(fetch: Fetch, parts: readonly string[]): Promise<Documents> {
  const documents: Documents = new Map();
  for (const part of parts) await PARTS[part]!(fetch, documents);
  return documents;
}
