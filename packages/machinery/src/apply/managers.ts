// metadata.managedFields as a list of managers with their sets (apimachinery managedfields/internal: managedfields.go,
// capmanagers.go, stripmeta.go).
import type { KubeObject, ManagedFieldsEntry } from '@tiphys/api';
import { difference, type FieldTree, isEmptyTree, LEAF, sortedTree, treeFromFields, unionOfAll } from './field-tree.ts';

export interface Manager {
  name: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  time?: string;
  fields: FieldTree;
}

/** Updating managers an object keeps apart; older ones are put together. */
export const UPDATE_MANAGERS_MAX = 10;
const OLD_UPDATES_MANAGER = 'ancient-changes';

/** What tells managers apart, as upstream writes and sorts it. An applier is the same one in every version; an updater is not. */
export function identityOf({ name, operation, apiVersion, subresource }: Omit<Manager, 'time' | 'fields'>): string {
  const version = operation === 'Apply' ? '' : apiVersion;
  return JSON.stringify({ manager: name || undefined, operation, apiVersion: version || undefined, subresource: subresource || undefined });
}

/** Both ways between an entry and its manager; neither is ever changed. An object's next write finds the ones of its last. */
const managerOf = new WeakMap<ManagedFieldsEntry, Manager>();
const entryOf = new WeakMap<Manager, ManagedFieldsEntry>();

function decodeManager(entry: ManagedFieldsEntry): Manager | undefined {
  const known = managerOf.get(entry);
  if (known) return known;
  const fields = treeFromFields(entry.fieldsV1 ?? {});
  if (entry.operation !== 'Apply' && entry.operation !== 'Update') return undefined;
  if (!entry.apiVersion || entry.fieldsType !== 'FieldsV1' || !fields) return undefined;
  return {
    name: entry.manager ?? '',
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    subresource: entry.subresource ?? '',
    fields,
    ...(entry.time === undefined ? {} : { time: entry.time }),
  };
}

/** Reads managedFields; undefined when an entry is malformed. */
export function decodeManagers(entries: readonly ManagedFieldsEntry[] | undefined): Manager[] | undefined {
  if (entries?.length === 1) {
    const only = decodeManager(entries[0]!);
    return only && [only];
  }
  const managers = new Map<string, Manager>();
  for (const entry of entries ?? []) {
    const manager = decodeManager(entry);
    if (!manager) return undefined;
    managers.set(identityOf(manager), manager);
  }
  return [...managers.values()];
}

const text = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const seconds = (manager: Manager) => (manager.time === undefined ? 0 : Math.floor(Date.parse(manager.time) / 1000));

function inOrder(a: Manager, b: Manager): number {
  return (
    text(a.operation, b.operation) ||
    seconds(a) - seconds(b) ||
    text(a.name, b.name) ||
    text(a.apiVersion, b.apiVersion) ||
    text(a.subresource, b.subresource)
  );
}

/** The managers as managedFields, in upstream's order; undefined when there are none. */
export function encodeManagers(managers: readonly Manager[]): ManagedFieldsEntry[] | undefined {
  if (managers.length === 0) return undefined;
  return (managers.length === 1 ? managers : [...managers].sort(inOrder)).map(encodeManager);
}

function encodeManager(manager: Manager): ManagedFieldsEntry {
  const known = entryOf.get(manager);
  if (known) return known;
  const fields = sortedTree(manager.fields);
  const entry: ManagedFieldsEntry = {
    ...(manager.name === '' ? {} : { manager: manager.name }),
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time === undefined ? {} : { time: manager.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
    ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
  };
  const shown = fields === manager.fields ? manager : { ...manager, fields };
  managerOf.set(entry, shown);
  entryOf.set(shown, entry);
  return entry;
}

/** Fields nobody owns: identity, and what the server alone writes. */
const UNOWNED: FieldTree = {
  'f:apiVersion': LEAF,
  'f:kind': LEAF,
  'f:metadata': {
    '.': LEAF,
    'f:name': LEAF,
    'f:namespace': LEAF,
    'f:creationTimestamp': LEAF,
    'f:selfLink': LEAF,
    'f:uid': LEAF,
    'f:clusterName': LEAF,
    'f:generation': LEAF,
    'f:managedFields': LEAF,
    'f:resourceVersion': LEAF,
  },
};

export const withoutUnowned = (fields: FieldTree): FieldTree => difference(fields, UNOWNED);

/** Puts the oldest updating managers of a version together once there are too many. */
export function cappedManagers(managers: readonly Manager[]): Manager[] {
  const updaters = managers.filter((manager) => manager.operation === 'Update');
  if (updaters.length <= UPDATE_MANAGERS_MAX) return [...managers];
  const sortable = updaters.map((manager) => ({ manager, time: seconds(manager), identity: identityOf(manager) }));
  sortable.sort((a, b) => a.time - b.time || text(a.identity, b.identity));
  const kept = new Set(managers);
  const firstOf = new Map<string, Manager>();
  const bucketOf = new Map<string, { time?: string; parts: FieldTree[] }>();
  let count = updaters.length;
  for (const { manager } of sortable) {
    if (count <= UPDATE_MANAGERS_MAX) break;
    const first = firstOf.get(manager.apiVersion);
    if (!first) {
      firstOf.set(manager.apiVersion, manager);
      continue;
    }
    const bucket = bucketOf.get(manager.apiVersion) ?? { parts: [first.fields] };
    kept.delete(first);
    kept.delete(manager);
    bucket.parts.push(manager.fields);
    bucket.time = manager.time;
    bucketOf.set(manager.apiVersion, bucket);
    count--;
  }
  for (const [apiVersion, { time, parts }] of bucketOf) {
    kept.add({
      name: OLD_UPDATES_MANAGER,
      operation: 'Update',
      apiVersion,
      subresource: '',
      fields: unionOfAll(parts),
      ...(time === undefined ? {} : { time }),
    });
  }
  return [...kept].filter((manager) => !isEmptyTree(manager.fields));
}

/** The object without managedFields, as values are compared. */
export function unmanaged<T extends KubeObject>(object: T): T {
  if (!object.metadata?.managedFields) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
