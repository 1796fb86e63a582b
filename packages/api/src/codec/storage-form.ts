// What is left of an object that went through protobuf, as upstream's storage has it: lists and maps that are empty come back as nothing,
// which shows where a field is written even then (`rules: null` of a role). Kinds of two servers go through JSON, which keeps them
// (controlplane/apiserver apiextensions.go, aggregator.go).
import { findStruct, type StructNode, ValueKind, type ValueNode } from '../schema/nodes.ts';
import { isAlternative } from './normalize.ts';

type Plain = Record<string, unknown>;

const isEmptyCollection = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value as object) return false;
  return true;
};

function visitValue(node: ValueNode, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const { struct } = node;
  if (struct) {
    for (const each of Array.isArray(value) ? value : [value]) if (typeof each === 'object' && each !== null) visitStruct(struct, each);
  } else if (node.kind === ValueKind.list && node.item) for (const item of value as unknown[]) visitValue(node.item, item);
  else if (node.kind === ValueKind.map && node.item) visitMap(node.item, value as Plain);
}

const STORED_AS_JSON = /^io\.k8s\.(apiextensions-apiserver|kube-aggregator)\./;

/** Bytes that are nothing are no bytes. */
function visitMap(node: ValueNode, map: Plain): void {
  for (const key in map) {
    if (node.kind === ValueKind.bytes && map[key] === null) map[key] = '';
    else visitValue(node, map[key]);
  }
}

interface Visited {
  name: string;
  value: ValueNode;
  nullable: boolean;
  /** Null is nothing. */
  droppable: boolean;
}
const known = new Map<StructNode, readonly Visited[]>();

const isCollection = ({ kind }: ValueNode) => kind === ValueKind.list || kind === ValueKind.map;

/** Whether anything below can come back as nothing. Types that contain themselves count while it is found out. */
function concerns(value: ValueNode): boolean {
  if (value.struct) return isAlternative(value) || fieldsOf(value.struct).length > 0;
  if (value.kind === ValueKind.map && value.item?.kind === ValueKind.bytes) return true;
  return isCollection(value) && value.item !== undefined && concerns(value.item);
}

/** The fields worth a look, which are few. */
function fieldsOf(node: StructNode): readonly Visited[] {
  let fields = known.get(node);
  if (!fields) {
    const keepsEmpty = STORED_AS_JSON.test(node.name);
    const all = node.fields
      .filter(({ value }) => value.struct || isCollection(value))
      .map(({ name, value, omitEmpty, omitZero }) => ({
        name,
        value,
        nullable: isCollection(value) && !omitEmpty && !omitZero && !keepsEmpty,
        droppable: isAlternative(value),
      }));
    known.set(node, all);
    fields = all.filter(({ value, nullable }) => nullable || concerns(value));
    known.set(node, fields);
  }
  return fields;
}

function visitStruct(node: StructNode, object: Plain): void {
  for (const { name, value, nullable, droppable } of fieldsOf(node)) {
    const held = object[name];
    if (droppable && held === null) delete object[name];
    if (typeof held !== 'object' || held === null) continue;
    if (nullable && isEmptyCollection(held)) object[name] = null;
    else visitValue(value, held);
  }
}

/** Changes the object, which is of the type `schema` names. Unknown types stay as they are. */
export function toStorageForm(object: object, schema: string): void {
  const node = findStruct(schema);
  if (node) visitStruct(node, object as Plain);
}
