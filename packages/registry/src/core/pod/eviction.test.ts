import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitionOf, pod, world } from '../../test-support.ts';

const running = () =>
  pod((p) => {
    p.metadata.labels = { app: 'web' };
    p.spec.nodeName = 'n1';
    p.status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  });
const budget = (status: object) => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'web', namespace: 'default', generation: 1 },
  spec: { selector: { matchLabels: { app: 'web' } }, minAvailable: 1 },
  status: { observedGeneration: 1, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, disruptionsAllowed: 0, ...status },
});
const evict = definitionOf('Pod').subresources!.find(({ name }) => name === 'eviction')!.create!;
const body = { kind: 'Eviction', metadata: { name: 'web', namespace: 'default' } };
const target = { name: 'web', namespace: 'default' };

test('an eviction that no budget forbids deletes the pod', async () => {
  const { context, operations, stored } = world([running()]);
  assert.equal(((await evict(body, target, context, operations)) as { status: string }).status, 'Success');
  assert.equal(stored.size, 0);
});

test('a budget without room refuses with 429 and the reason', async () => {
  const { context, operations, stored } = world([running(), budget({})]);
  await assert.rejects(evict(body, target, context, operations), (error: any) => {
    assert.equal(error.code, 429);
    assert.equal(error.message, "Cannot evict pod as it would violate the pod's disruption budget.");
    assert.deepEqual(error.details.causes, [
      { reason: 'DisruptionBudget', message: 'The disruption budget web needs 1 healthy pods and has 1 currently' },
    ]);
    return true;
  });
  assert.equal(stored.size, 2);
});

test('a budget with room is charged for the pod', async () => {
  const { context, operations, stored } = world([running(), budget({ currentHealthy: 2, disruptionsAllowed: 1 })]);
  await evict(body, target, context, operations);
  const { status } = stored.get('PodDisruptionBudget/default/web') as any;
  assert.equal(status.disruptionsAllowed, 0);
  assert.deepEqual(Object.keys(status.disruptedPods), ['web']);
});

test('binding assigns the node once', async () => {
  const bind = definitionOf('Pod').subresources!.find(({ name }) => name === 'binding')!.create!;
  const { context, operations, stored } = world([pod()]);
  const binding = { kind: 'Binding', metadata: { name: 'web' }, target: { kind: 'Node', name: 'n1' } };
  await bind(binding, target, context, operations);
  const bound = stored.get('Pod/default/web') as any;
  assert.equal(bound.spec.nodeName, 'n1');
  assert.equal(bound.status.conditions[0].type, 'PodScheduled');
  await assert.rejects(bind(binding, target, context, operations), {
    message: 'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "n1"',
  });
});
