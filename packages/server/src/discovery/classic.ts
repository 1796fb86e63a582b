// Discovery before aggregation: APIVersions, APIGroupList, APIGroup and APIResourceList (apiserver endpoints/discovery).
import { createHash } from 'node:crypto';
import type { ResourceDefinition } from '@tiphys/registry';
import type { Resources } from '../resources.ts';

export interface ServedGroup {
  group: string;
  /** By preference. */
  versions: string[];
}

/** Groups in the order their definitions were added. The core group is ''. */
export function servedGroups(resources: Resources): ServedGroup[] {
  const groups = new Map<string, string[]>();
  for (const { type } of resources.all()) {
    const versions = groups.get(type.group);
    if (!versions) groups.set(type.group, [type.version]);
    else if (!versions.includes(type.version)) versions.push(type.version);
  }
  return Array.from(groups, ([group, versions]) => ({ group, versions }));
}

export const apiVersions = (serverAddress: string) => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
});

function groupObject({ group, versions }: ServedGroup) {
  const list = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: list, preferredVersion: list[0]! };
}

export const apiGroupList = (resources: Resources) => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: servedGroups(resources)
    .filter(({ group }) => group !== '')
    .map(groupObject),
});

export function apiGroup(resources: Resources, group: string): object | undefined {
  const served = servedGroups(resources).find((one) => one.group === group);
  return served && group !== '' ? { kind: 'APIGroup', apiVersion: 'v1', ...groupObject(served) } : undefined;
}

/** What clients use to tell which resources share storage. */
function storageHash(definition: ResourceDefinition<any>): string {
  const { group, version, kind } = (definition.conversion?.stored ?? definition.type) as { group: string; version: string; kind: string };
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');
}

export function resourceRows(definition: ResourceDefinition<any>): object[] {
  const { type, verbs, shortNames, categories, singularName } = definition;
  const { namespaced, kind } = type;
  const stored = verbs.includes('get');
  const rows: object[] = [
    {
      name: type.resource,
      singularName,
      namespaced,
      kind,
      verbs,
      ...(shortNames?.length ? { shortNames } : {}),
      ...(categories?.length ? { categories } : {}),
      ...(stored ? { storageVersionHash: storageHash(definition) } : {}),
    },
  ];
  const sub = (name: string, row: object) => ({ name: `${type.resource}/${name}`, singularName: '', namespaced, ...row });
  if (definition.status) rows.push(sub('status', { kind, verbs: ['get', 'patch', 'update'] }));
  if (definition.scale) {
    rows.push(sub('scale', { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] }));
  }
  for (const { name, verbs: subVerbs, kind: subKind, group, version } of definition.subresources ?? []) {
    rows.push(sub(name, { ...(group ? { group } : {}), ...(version ? { version } : {}), kind: subKind, verbs: subVerbs }));
  }
  return rows;
}

export function apiResourceList(resources: Resources, group: string, version: string): object | undefined {
  const rows: { name: string }[] = [];
  for (const { definition } of resources.all()) {
    if (definition.type.group === group && definition.type.version === version)
      rows.push(...(resourceRows(definition) as { name: string }[]));
  }
  if (rows.length === 0) return undefined;
  rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    kind: 'APIResourceList',
    ...(group ? { apiVersion: 'v1' } : {}),
    groupVersion: group ? `${group}/${version}` : version,
    resources: rows,
  };
}
