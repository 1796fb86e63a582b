// How the owners of an object's number of replicas are told as a Scale's, and come back (apimachinery
// util/managedfields/scalehandler.go). What comes back has no times; and an updater's claim on the number becomes one of its own.
import type { ManagedFieldsEntry } from '@tiphys/api';
import { difference, type FieldTree, isEmptyTree, LEAF } from './field-tree.ts';
import { decodeManagers, encodeManagers, identityOf, type Manager } from './managers.ts';

const SCALE_VERSION = 'autoscaling/v1';
const SCALE_REPLICAS = ['spec', 'replicas'];

const treeAt = (path: readonly string[]): FieldTree => path.reduceRight<FieldTree>((inner, name) => ({ [`f:${name}`]: inner }), LEAF);
const has = (tree: FieldTree, path: readonly string[]): boolean =>
  path.reduce<FieldTree | undefined>((inner, name) => inner?.[`f:${name}`], tree) !== undefined;

/** The managedFields of an object's Scale; `path` is where the object has the number. */
export function scaleManagers(
  entries: readonly ManagedFieldsEntry[] | undefined,
  path: readonly string[],
): ManagedFieldsEntry[] | undefined {
  const owners = (decodeManagers(entries) ?? []).filter(({ fields }) => has(fields, path));
  return encodeManagers(owners.map((owner) => ({ ...owner, apiVersion: SCALE_VERSION, fields: treeAt(SCALE_REPLICAS) })));
}

/** The object's managedFields once those of its Scale have changed. */
export function managersOfScaled(
  entries: readonly ManagedFieldsEntry[] | undefined,
  scaleEntries: readonly ManagedFieldsEntry[] | undefined,
  path: readonly string[],
  apiVersion: string,
): ManagedFieldsEntry[] | undefined {
  const left = new Map((decodeManagers(scaleEntries) ?? []).map((owner) => [identityOf(owner), owner]));
  const owners = new Map<string, Manager>();
  for (const owner of decodeManagers(entries) ?? []) {
    const identity = identityOf(owner);
    if (!has(owner.fields, path) || left.delete(identity)) {
      owners.set(identity, owner);
      continue;
    }
    const fields = difference(owner.fields, treeAt(path));
    if (!isEmptyTree(fields)) owners.set(identity, { ...owner, fields });
  }
  for (const [identity, owner] of left) {
    if (!has(owner.fields, SCALE_REPLICAS)) continue;
    const { time: _time, ...timeless } = owner;
    owners.set(identity, { ...timeless, apiVersion, fields: treeAt(path) });
  }
  return encodeManagers([...owners.values()]);
}
