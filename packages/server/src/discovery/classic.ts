// Discovery before aggregation: APIVersions, APIGroupList, APIGroup and APIResourceList (apiserver endpoints/discovery).
import { createHash } from 'node:crypto';
import type { ResourceDefinition } from '@tiphys/registry';
import type { Resources } from '../resources.ts';

export interface ServedGroup {
  group: string;
  /** By preference. */
  versions: string[];
}

const VERSION = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const STABILITY: Record<string, number> = { alpha: 1, beta: 2 };

/** Stable before beta before alpha, newer before older, others last by name (apimachinery version/helpers.go). */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [VERSION.exec(a), VERSION.exec(b)];
  if (!x || !y) return x ? -1 : y ? 1 : a < b ? -1 : 1;
  const rank = (match: RegExpExecArray) => [match[2] ? STABILITY[match[2]]! : 3, Number(match[1]), Number(match[3] ?? 0)];
  const [p, q] = [rank(x), rank(y)];
  for (let i = 0; i < p.length; i++) if (p[i] !== q[i]) return q[i]! - p[i]!;
  return 0;
}

/** Priorities of the APIServices that custom resource definitions get. */
const CUSTOM_GROUP_PRIORITY = 1000;
const CUSTOM_VERSION_PRIORITY = 100;

/** Built-in groups in the order of their definitions, then others by priority and name. The core group is ''. */
export function servedGroups(resources: Resources): ServedGroup[] {
  const groups = new Map<string, { versions: string[]; custom: boolean }>();
  for (const { type, codec } of resources.all()) {
    const group = groups.get(type.group);
    if (!group) groups.set(type.group, { versions: [type.version], custom: codec.openApiSchema !== undefined });
    else if (!group.versions.includes(type.version)) group.versions.push(type.version);
  }
  const delegated = new Map(resources.delegated.map((each) => [`${each.group}/${each.version}`, each]));
  const added = new Map<string, number>();
  for (const { group, version, groupPriority } of resources.delegated) {
    const known = groups.get(group);
    if (!known) groups.set(group, { versions: [version], custom: true });
    else if (!known.versions.includes(version)) known.versions.push(version);
    added.set(group, Math.max(added.get(group) ?? 0, groupPriority));
  }
  const groupPriority = (group: string) => added.get(group) ?? CUSTOM_GROUP_PRIORITY;
  const versionPriority = (group: string, version: string) =>
    delegated.get(`${group}/${version}`)?.versionPriority ?? CUSTOM_VERSION_PRIORITY;
  return Array.from(groups, ([group, { versions, custom }]) => ({
    group,
    custom,
    versions: versions.sort((a, b) => versionPriority(group, b) - versionPriority(group, a) || compareVersions(a, b)),
  })).sort((a, b) =>
    a.custom && b.custom
      ? groupPriority(b.group) - groupPriority(a.group) || (a.group < b.group ? -1 : 1)
      : Number(a.custom) - Number(b.custom),
  );
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
function storageHash({ type, conversion, storageVersion = type.version }: ResourceDefinition<any>): string {
  const { group, version, kind } = conversion?.stored ?? { ...type, version: storageVersion };
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');
}

export function resourceRows(definition: ResourceDefinition<any>): object[] {
  const { type, verbs, shortNames, categories, singularName } = definition;
  const { namespaced, kind } = type;
  const stored = verbs.includes('get') && verbs.includes('create');
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
  for (const { definition } of resources.told()) {
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
