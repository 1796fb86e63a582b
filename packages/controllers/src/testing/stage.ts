// Objects that one plan after another changes at once, for upstream's scenarios that move every pod by hand and make writes fail.
import assert from 'node:assert/strict';
import { apiVersionOf, type KubeObject, type ResourceType } from '@tiphys/api';
import type { Write } from '../runtime/actions.ts';
import type { Controller } from '../runtime/controller.ts';
import { nameOf } from '../runtime/objects.ts';
import { type Carried, carryOut } from './carry-out.ts';
import { START_MS } from './objects.ts';
import { planOf } from './plan.ts';

type Kind = { do: Write['do']; type: ResourceType };

const faultKey = ({ do: verb, type }: Kind) => `${verb} ${type.resource}`;
const keyOf = (type: ResourceType, name: string) => `${type.resource}/${name}`;

export class Stage<T extends KubeObject & { status?: object }> {
  /** What the plans are for; a write of its status changes it. */
  object: T;
  nowMs = START_MS;
  /** Writes that were tried since the beginning, also those that failed, as `create pods`. */
  readonly requests: Record<string, number> = {};
  readonly #controller: Controller<T>;
  readonly #objects = new Map<string, KubeObject>();
  readonly #faults = new Map<string, { after: number; error: Error }>();

  constructor(controller: Controller<T>, object: T) {
    this.#controller = controller;
    this.object = object;
  }

  get<X extends KubeObject>(type: ResourceType<X>, name: string): X | undefined {
    return this.#objects.get(keyOf(type, name)) as X | undefined;
  }

  list<X extends KubeObject>(type: ResourceType<X>): X[] {
    return [...this.#objects.values()].filter((one) => one.kind === type.kind && one.apiVersion === apiVersionOf(type)) as X[];
  }

  put<X extends KubeObject>(type: ResourceType<X>, object: X): void {
    const metadata = { ...object.metadata, uid: object.metadata?.uid ?? `${nameOf(object)}-uid` };
    this.#objects.set(keyOf(type, nameOf(object)), { ...object, apiVersion: apiVersionOf(type), kind: type.kind, metadata });
  }

  drop(type: ResourceType, name: string): void {
    this.#objects.delete(keyOf(type, name));
  }

  /** One write of the kind fails: the next, or the one that is the n-th since the beginning if that comes later. */
  fail(kind: Kind, error: Error, n = 0): void {
    this.#faults.set(faultKey(kind), { after: n, error });
  }

  /** Plans once and carries the plan out. */
  async sync(): Promise<Carried> {
    const actions = planOf(this.#controller, this.object, [...this.#objects.values()], this.nowMs);
    const carried = await carryOut(actions, this.object, (verb, type) => {
      const key = faultKey({ do: verb, type });
      const count = (this.requests[key] ?? 0) + 1;
      this.requests[key] = count;
      const fault = this.#faults.get(key);
      if (!fault || count < fault.after) return undefined;
      this.#faults.delete(key);
      return fault.error;
    });
    for (const object of carried.created) {
      const key = this.#keyOf(object);
      // A pod that has no phase yet counts as one that is not there, so upstream's scenarios see it created twice.
      const known = this.#objects.get(key) as { status?: object } | undefined;
      assert.ok(!known || (object.kind === 'Pod' && !known.status), `${key} is created while it is there`);
      this.#objects.set(key, { ...object, metadata: { ...object.metadata, uid: `${nameOf(object)}-uid` } });
    }
    for (const object of carried.updated) {
      assert.ok(this.#objects.has(this.#keyOf(object)), `${nameOf(object)} is updated while it is not there`);
      this.#objects.set(this.#keyOf(object), object);
    }
    for (const key of carried.deleted) assert.ok(this.#objects.delete(key), `${key} is deleted while it is not there`);
    if (carried.status) this.object = { ...this.object, status: carried.status as object };
    return carried;
  }

  #keyOf(object: KubeObject): string {
    const types = [...(this.#controller.owns ?? []), ...(this.#controller.watches ?? [])].map(({ type }) => type);
    const type = types.find((one) => one.kind === object.kind && apiVersionOf(one) === object.apiVersion);
    assert.ok(type, `the controller has nothing to do with ${object.kind}`);
    return keyOf(type, nameOf(object));
  }
}
