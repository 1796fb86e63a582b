// Questions to the schema tables: types by kind, and the served resources in upstream's order of groups.
import resourceFacts from '../generated/resources.json' with { type: 'json' };
import type { TypeSchema } from '../schema.ts';
import { allTypeNames, findStruct, type StructNode, schemaFacts } from './nodes.ts';

/** One row of discovery. Subresources have a `/` in their name. */
export interface ResourceInfo {
  name: string;
  singularName: string;
  kind: string;
  /** Set when the body's group or version isn't the resource's, as with `autoscaling/v1` Scale. */
  group?: string;
  version?: string;
  namespaced: boolean;
  verbs: readonly string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
}

export interface GroupInfo {
  group: string;
  /** Preferred first. */
  versions: readonly { version: string; resources: readonly ResourceInfo[] }[];
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
/** Kinds that every group version takes. */
const EVERYWHERE = new Set([
  'CreateOptions',
  'DeleteOptions',
  'GetOptions',
  'ListOptions',
  'PatchOptions',
  'UpdateOptions',
  'WatchEvent',
  'Status',
]);
/** Groups of kinds that no resource serves, so that the facts name none. */
const GROUPS: Record<string, string> = {
  admission: 'admission.k8s.io',
  apidiscovery: 'apidiscovery.k8s.io',
  imagepolicy: 'imagepolicy.k8s.io',
  apiextensions: 'apiextensions.k8s.io',
  core: '',
  meta: 'meta.k8s.io',
};

let kinds: Map<string, string> | undefined;

function kindIndex(): Map<string, string> {
  if (kinds) return kinds;
  kinds = new Map();
  for (const name of allTypeNames) {
    const gvk = schemaFacts[name]?.gvk;
    if (gvk?.length === 1) kinds.set(`${gvk[0]!.group}/${gvk[0]!.version}/${gvk[0]!.kind}`, name);
    else if (!gvk && findStruct(name)?.isKind) {
      const [group, version, kind] = name.split('.').slice(-3);
      if (GROUPS[group!] !== undefined) kinds.set(`${GROUPS[group!]}/${version}/${kind}`, name);
    }
  }
  return kinds;
}

/** The full type name of a kind, or undefined when no built-in kind has that name. */
export function typeNameOfKind(group: string, version: string, kind: string): string | undefined {
  const name = kindIndex().get(`${group}/${version}/${kind}`);
  if (name) return name;
  if (EVERYWHERE.has(kind)) return META + kind;
  return undefined;
}

/** The linked node of a type, or undefined. */
export const schemaOf = (typeName: string): StructNode | undefined => findStruct(typeName);

/** The linked node of a kind, or undefined for kinds that aren't built in. */
export function schemaOfKind(group: string, version: string, kind: string): StructNode | undefined {
  const name = typeNameOfKind(group, version, kind);
  return name === undefined ? undefined : findStruct(name);
}

/** The node of an object by its apiVersion and kind. */
export function schemaOfObject(object: { apiVersion?: string; kind?: string }): StructNode | undefined {
  const apiVersion = object.apiVersion ?? '';
  const slash = apiVersion.indexOf('/');
  return schemaOfKind(slash < 0 ? '' : apiVersion.slice(0, slash), apiVersion.slice(slash + 1), object.kind ?? '');
}

/** What the facts say of a type: unions, group version kinds, map type. */
export const typeFacts = (typeName: string): TypeSchema | undefined => schemaFacts[typeName];

let groups: readonly GroupInfo[] | undefined;

/** Every served group: core first, then as upstream orders them. */
export function builtInGroups(): readonly GroupInfo[] {
  if (groups) return groups;
  const served = resourceFacts.resources as unknown as Record<string, Record<string, ResourceInfo[]>>;
  const order = [{ group: 'core', versions: ['v1'] }, ...resourceFacts.groupOrder];
  groups = order.map(({ group, versions }) => ({
    group: group === 'core' ? '' : group,
    versions: versions.filter((version) => served[group]?.[version]).map((version) => ({ version, resources: served[group]![version]! })),
  }));
  return groups;
}

/** The served resources of one group version; empty when it isn't built in. */
export function builtInResources(group: string, version: string): readonly ResourceInfo[] {
  const found = builtInGroups().find((candidate) => candidate.group === group);
  return found?.versions.find((candidate) => candidate.version === version)?.resources ?? [];
}
