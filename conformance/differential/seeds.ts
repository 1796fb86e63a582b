// The objects that stories start from, and what is known of their kinds.
import { apiVersionOf, builtInGroups, type ResourceInfo, schemaOfKind } from '@tiphys/api';
import { customKinds } from './custom-kinds.ts';
import { readDocuments } from './documents.ts';
import type { Shape } from './shape.ts';

export interface Kind {
  group: string;
  version: string;
  kind: string;
  resource: string;
  namespaced: boolean;
  verbs: readonly string[];
  subresources: ReadonlyMap<string, ResourceInfo>;
  schema: Shape;
  seeds: readonly Record<string, any>[];
  /** Other versions in which the same objects can be had. */
  otherVersions?: readonly string[];
}

/** Where most stories play; a seed may name another namespace. */
export const NAMESPACE = 'diff';
/** Of quotas and limits, so that they concern nobody else. */
export const LIMITS_NAMESPACE = 'diff-limits';

/** Every kind with a seed, in the order of discovery; the others of the served versions are in `missing`. */
export function kindsWithSeeds(): { kinds: Kind[]; missing: string[] } {
  const seeds = readDocuments();
  const kinds: Kind[] = [];
  const missing: string[] = [];
  for (const { group, versions } of builtInGroups()) {
    for (const { version, resources } of versions) {
      if (!/^v\d+$/.test(version)) continue;
      for (const row of resources.filter(({ name }) => !name.includes('/'))) {
        const own = seeds.filter(({ apiVersion, kind }) => apiVersion === apiVersionOf({ group, version }) && kind === row.kind);
        const schema = schemaOfKind(group, version, row.kind);
        if (own.length === 0 || !schema) {
          missing.push(`${group}/${version} ${row.name}`);
          continue;
        }
        const subresources = new Map(
          resources.filter(({ name }) => name.startsWith(`${row.name}/`)).map((each) => [each.name.slice(row.name.length + 1), each]),
        );
        kinds.push({
          group,
          version,
          kind: row.kind,
          resource: row.name,
          namespaced: row.namespaced,
          verbs: row.verbs,
          subresources,
          schema,
          seeds: own,
        });
      }
    }
  }
  return { kinds: [...kinds, ...customKinds()], missing };
}

export function collectionPath({ group, version, resource, namespaced }: Kind, namespace: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespaced ? `${root}/namespaces/${namespace}/${resource}` : `${root}/${resource}`;
}
