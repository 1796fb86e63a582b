import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDefaults, type KubeObject, normalize } from '@tiphys/api';
import { check, definitionOf, template, world } from '../test-support.ts';

const GENERATION = 'deprecated.daemonset.template.generation';
const set = (updateStrategy: object, annotations = {}): any =>
  applyDefaults(
    normalize({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'a', namespace: 'default', annotations },
      spec: { selector: { matchLabels: { app: 'web' } }, template: template(), updateStrategy },
    }).object as KubeObject,
  );

test('numbers of a rollout are there whatever the strategy, and texts that are none count as nothing', () => {
  const { rollingUpdate } = set({ type: 'OnDelete', rollingUpdate: { maxUnavailable: 1 } }).spec.updateStrategy;
  assert.deepEqual(rollingUpdate, { maxUnavailable: 1, maxSurge: 0 });
  const errors = check(set({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '-5%' } }));
  assert.ok(errors.includes('spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0'));
});

test('how often the template changed is a number, which a write of the status leaves', () => {
  const { setDefaults, status } = definitionOf('DaemonSet');
  assert.throws(() => setDefaults!(set({}, { [GENERATION]: 'text' })), { message: 'strconv.ParseInt: parsing "text": invalid syntax' });
  assert.throws(() => setDefaults!(set({}, { [GENERATION]: '9223372036854775808' })), /: value out of range$/);
  const [old, changed] = [set({}, { [GENERATION]: '3' }), set({}, { [GENERATION]: '+07' })];
  setDefaults!(changed);
  assert.equal(changed.metadata.annotations[GENERATION], '7');
  status!.prepareForUpdate!(changed, old, world().context);
  assert.equal(changed.metadata.annotations[GENERATION], '3');
});
