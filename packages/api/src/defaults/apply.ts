// Defaulting: the table's constants and each type's function wherever the type occurs, parents first, as upstream's
// generated SetObjectDefaults_* do. Only those parts of an object are visited that can hold something to default.
import { normalizeStruct, normalizeValue } from '../codec/normalize.ts';
import type { KubeObject } from '../object.ts';
import { Quantity } from '../quantity/quantity.ts';
import { schemaOfObject } from '../schema/lookup.ts';
import { type FieldNode, type StructNode, structOf, ValueKind, type ValueNode } from '../schema/nodes.ts';
import { admissionDefaults } from './admission.ts';
import { appsDefaults } from './apps.ts';
import { batchDefaults } from './batch.ts';
import { coreDefaults } from './core.ts';
import { otherDefaults } from './others.ts';
import { podDefaults } from './pods.ts';
import type { DefaultFunction } from './types.ts';

type Plain = Record<string, unknown>;

const FUNCTIONS: Readonly<Record<string, DefaultFunction>> = {
  ...podDefaults,
  ...coreDefaults,
  ...appsDefaults,
  ...batchDefaults,
  ...admissionDefaults,
  ...otherDefaults,
};

/** What there is to do for one type. */
interface Plan {
  node: StructNode;
  own: DefaultFunction | undefined;
  constants: readonly FieldNode[];
  /** Fields below which something may be defaulted. */
  visits: readonly FieldNode[];
  empty: boolean;
}

const plans = new Map<StructNode, Plan>();

/** Kinds whose amounts are kept as they are sent: nobody defaults them. */
const KEEPS_AMOUNTS = new Set(['io.k8s.api.node.v1.Overhead']);
const isResourceList = (value: ValueNode) => value.goType === 'v1.ResourceList';

/** A default that Go can't tell from the zero value changes nothing. */
function hasConstant(field: FieldNode): boolean {
  const constant = field.facts?.default;
  if (constant === undefined || (typeof constant === 'object' && constant !== null)) return false;
  return field.pointer || (constant !== '' && constant !== 0 && constant !== false);
}

function planOf(node: StructNode): Plan {
  const known = plans.get(node);
  if (known) return known;
  const constants = node.fields.filter(hasConstant);
  const plan: Plan = { node, own: FUNCTIONS[node.name], constants, visits: [], empty: false };
  // Recursive types (JSON schemas) see their own unfinished plan as empty, which holds: they have no defaults.
  plans.set(node, { ...plan, empty: true });
  plan.visits = KEEPS_AMOUNTS.has(node.name) ? [] : node.fields.filter((field) => visited(field.value));
  plan.empty = plan.own === undefined && constants.length === 0 && plan.visits.length === 0;
  plans.set(node, plan);
  return plan;
}

function visited(value: ValueNode): boolean {
  if (value.kind === ValueKind.struct) return !planOf(value.struct!).empty;
  if (value.kind === ValueKind.list || value.kind === ValueKind.map) return isResourceList(value) || visited(value.item!);
  return false;
}

/**
 * Fills in defaults and returns the object with its fields in schema order. The argument is changed, and what is returned
 * is another object: go on with that. The argument must have gone through decode() or normalize().
 */
export function applyDefaults<T extends KubeObject>(object: T, typeName?: string): T {
  const node = typeName === undefined ? schemaOfObject(object) : structOf(typeName);
  if (!node) return object;
  const plan = planOf(node);
  if (plan.empty) return object;
  defaultStruct(plan, object as Plain);
  return normalizeStruct(node, object, { keys: 0, unknown: 0, again: true }, node.shortName) as T;
}

/** Parts of an object that say nothing of how the others are defaulted. */
const APART: ReadonlySet<string> = new Set(['metadata', 'status']);
/** Kinds whose own function looks at the status, too. */
const WHOLE: ReadonlySet<string> = new Set(
  ['Service', 'PersistentVolume', 'PersistentVolumeClaim'].map((kind) => `io.k8s.api.core.v1.${kind}`),
);

/**
 * The same for what a patch has made of `before`, which has its defaults: where the patch changed nothing but metadata and status, the
 * rest is neither looked at nor copied.
 */
export function applyDefaultsPatched<T extends KubeObject>(object: T, before: T, typeName: string): T {
  if (WHOLE.has(typeName)) return applyDefaults(object, typeName);
  const node = structOf(typeName);
  const [now, old] = [object as Plain, before as Plain];
  for (const { name } of node.fields) if (!APART.has(name) && now[name] !== old[name]) return applyDefaults(object, typeName);
  for (const { name, value } of planOf(node).visits) {
    const part = now[name];
    if (!APART.has(name) || typeof part !== 'object' || part === null || part === old[name]) continue;
    defaultValue(value, part);
    now[name] = normalizeValue(value, part, { keys: 0, unknown: 0, again: true }, 0);
  }
  return object;
}

function defaultStruct(plan: Plan, object: Plain): void {
  plan.own?.(object);
  for (const field of plan.constants) {
    const value = object[field.name];
    if (value === undefined || value === null || (!field.pointer && (value === '' || value === 0)))
      object[field.name] = field.facts!.default;
  }
  for (const field of plan.visits) {
    const value = object[field.name];
    if (value !== undefined && value !== null) defaultValue(field.value, value);
  }
}

function defaultValue(value: ValueNode, current: unknown): void {
  if (value.kind === ValueKind.struct) {
    const plan = planOf(value.struct!);
    if (!plan.empty) defaultStruct(plan, current as Plain);
  } else if (isResourceList(value)) roundToMilli(current as Record<string, string>);
  else if (value.kind === ValueKind.list) for (const item of current as unknown[]) defaultValue(value.item!, item);
  else for (const item of Object.values(current as Plain)) defaultValue(value.item!, item);
}

/** Amounts of resources aren't kept finer than thousandths. */
function roundToMilli(list: Record<string, string>): void {
  for (const name in list) {
    if (!/[nu]$|e-/.test(list[name]!)) continue;
    const quantity = Quantity.parse(list[name]!);
    if (quantity.nano % 1_000_000n !== 0n) list[name] = Quantity.ofMilli(quantity.asMilli(), quantity.format).toString();
  }
}
