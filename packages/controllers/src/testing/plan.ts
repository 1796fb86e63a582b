// For plan tests: a world from a list of objects, and a plan as text. The same claims as at run time are made first.
import { apiVersionOf, type KubeObject, type ResourceType } from '@tiphys/api';
import { type Action, actionLines, type Outcome } from '../runtime/actions.ts';
import { claim, claimActions, type OwnershipReader } from '../runtime/claims.ts';
import type { Controller, Snapshot, World } from '../runtime/controller.ts';
import { controllerOf, nameOf, namespaceOf, sameType } from '../runtime/objects.ts';

export function snapshotOf(objects: readonly KubeObject[], controller?: Controller): OwnershipReader {
  const ofType = <T extends KubeObject>(type: ResourceType<T>) =>
    objects.filter((object) => object.kind === type.kind && object.apiVersion === apiVersionOf(type)) as T[];
  const inNamespace = (namespace: string | undefined) => (object: KubeObject) => !namespace || namespaceOf(object) === namespace;
  return {
    get: (type, name, namespace = '') => ofType(type).find((object) => nameOf(object) === name && namespaceOf(object) === namespace),
    list: (type, namespace) => ofType(type).filter(inNamespace(namespace)),
    controlledBy: (type, uid) => ofType(type).filter((object) => controllerOf(object)?.uid === uid),
    orphans: (type, namespace) => ofType(type).filter((object) => !controllerOf(object) && inNamespace(namespace)(object)),
    byIndex: (type, name, key) => {
      const index = controller?.indices?.find((known) => known.name === name && sameType(known.type, type));
      return index ? ofType(type).filter((object) => index.keysOf(object).includes(key)) : [];
    },
  };
}

/** The actions for one object in a world; adoption and release come alone, as at run time. */
export function planOf<T extends KubeObject>(
  controller: Controller<T>,
  object: T,
  others: readonly KubeObject[],
  nowMs = 0,
  notes: ReadonlyMap<string, unknown> = new Map(),
): readonly Action[] {
  const snapshot: OwnershipReader & Snapshot = snapshotOf([object, ...others], controller);
  const claims = (controller.owns ?? []).map((owned) => ({ owned, ...claim(controller.for, object, owned, snapshot) }));
  const first = claimActions(claims);
  if (first.length > 0) return first;
  const world: World<T> = {
    ...snapshot,
    object,
    note: (key) => notes.get(key),
    monotonicMs: nowMs,
    unchangedMs: () => 0,
    owned: (type) => claims.find(({ owned }) => sameType(owned.type, type))?.claimed ?? [],
  };
  return controller.plan?.(world, nowMs) ?? [];
}

export function planText<T extends KubeObject>(
  controller: Controller<T>,
  object: T,
  others: readonly KubeObject[],
  nowMs = 0,
  outcome?: Outcome,
): string {
  return actionLines(planOf(controller, object, others, nowMs), outcome).join('\n');
}
