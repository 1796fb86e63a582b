// Upstream's table of allocations as facts: inputs, and what its allocator with the gates of v1.36 answers to them
// (dynamic-resource-allocation structured/internal/allocatortesting of v0.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type corev1, Quantity, type resourcev1 } from '@tiphys/api';
import type { Allocated } from './allocated.ts';
import { Allocator, BrokenPoolsError } from './allocator.ts';
import { DeviceCatalog } from './pools.ts';
import cases from './upstream-cases.json' with { type: 'json' };

interface Case {
  name: string;
  node: corev1.Node;
  classes: resourcev1.DeviceClass[];
  slices: resourcev1.ResourceSlice[];
  claims: resourcev1.ResourceClaim[];
  allocated?: string[];
  shared?: string[];
  capacity?: Record<string, Record<string, string>>;
  results?: resourcev1.AllocationResult[] | null;
  error?: string;
}

function allocatedOf({ allocated = [], shared = [], capacity = {} }: Case): Allocated {
  const taken = new Map(shared.map((id) => [id, new Map<string, Quantity>()]));
  for (const [id, amounts] of Object.entries(capacity))
    taken.set(id, new Map(Object.entries(amounts).map(([name, text]) => [name, Quantity.parse(text)])));
  return { isDedicated: (id) => allocated.includes(id), capacityTaken: (id) => taken.get(id) };
}

/** Words of the expression language's compiler are others where syntax is wrong. */
const withoutDetails = (text: string | undefined) => text?.replace(/(CEL compile error: compilation failed: ERROR).*/s, '$1');

for (const one of cases.cases as unknown as Case[]) {
  test(`allocation: ${one.name}`, () => {
    const allocator = new Allocator({
      catalog: new DeviceCatalog(one.slices),
      allocated: allocatedOf(one),
      deviceClass: (name) => one.classes.find(({ metadata }) => metadata?.name === name),
      newShareId: () => 'shared',
    });
    let found: { results?: unknown; error?: string };
    try {
      found = { results: allocator.allocate(one.node, one.claims) ?? null };
    } catch (error) {
      assert.ok(error instanceof BrokenPoolsError || (error as Error).name === 'AllocationError', String((error as Error).stack));
      found = { error: (error as Error).message };
    }
    assert.equal(withoutDetails(found.error), withoutDetails(one.error));
    assert.deepEqual(found.results, one.results);
  });
}
