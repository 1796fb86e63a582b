// The resources of upstream's discovery documents, per group and version; the core group is called `core` here.
import table from './generated/resources.json' with { type: 'json' };

export interface ResourceRow {
  /** Plural name, or `plural/subresource`. */
  name: string;
  singularName: string;
  kind: string;
  /** Group and version of the body when they differ from the resource's own, as for `scale`. */
  group?: string;
  version?: string;
  namespaced: boolean;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
}

export interface ResourceTable {
  /** Groups but the core one, in discovery order, each with its versions by preference. */
  groupOrder: { group: string; versions: string[] }[];
  resources: Record<string, Record<string, ResourceRow[]>>;
}

export const builtInResources: ResourceTable = table;
