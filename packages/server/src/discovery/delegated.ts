// What discovery and OpenAPI say of groups that other servers answer for (kube-aggregator handler_apis.go,
// handler_discovery.go).

/** A row of an APIResourceList. */
export interface ResourceRow {
  name: string;
  singularName?: string;
  namespaced?: boolean;
  group?: string;
  version?: string;
  kind: string;
  verbs: readonly string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
}

/** One version of a group whose requests go to another server. */
export interface DelegatedVersion {
  group: string;
  version: string;
  groupPriority: number;
  versionPriority: number;
  available: boolean;
  /** As the other server last told them; absent before it ever did. */
  rows?: readonly ResourceRow[];
  /** Its OpenAPI v2 document. */
  openApiV2?: object;
  /** Where its OpenAPI v3 document of this version is, with the hash. */
  openApiV3Url?: string;
}

/** A version of an aggregated discovery document, made of the classic rows. */
export function aggregatedVersion({ group, version, available, rows = [] }: DelegatedVersion): object {
  const kindOf = (row: ResourceRow) => ({ group: row.group || group, version: row.version || version, kind: row.kind });
  const subresourcesOf = (resource: string) =>
    rows
      .filter(({ name }) => name.startsWith(`${resource}/`))
      .map((row) => ({ subresource: row.name.slice(resource.length + 1), responseKind: kindOf(row), verbs: row.verbs }));
  const resources = rows
    .filter(({ name }) => !name.includes('/'))
    .map((row) => {
      const subresources = subresourcesOf(row.name);
      return {
        resource: row.name,
        responseKind: kindOf(row),
        scope: row.namespaced ? 'Namespaced' : 'Cluster',
        ...(row.singularName ? { singularResource: row.singularName } : {}),
        verbs: row.verbs,
        ...(row.shortNames?.length ? { shortNames: row.shortNames } : {}),
        ...(row.categories?.length ? { categories: row.categories } : {}),
        ...(subresources.length ? { subresources } : {}),
      };
    });
  return { version, resources, freshness: available ? 'Current' : 'Stale' };
}
