import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDefaults, type KubeObject, normalize } from '@tiphys/api';
import { definitionOf, world } from '../test-support.ts';
import { sameValue } from './equality.ts';

const slice = (timeAdded: string): any =>
  applyDefaults(
    normalize({
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceSlice',
      spec: { devices: [{ name: 'd', taints: [{ key: 'a', effect: 'NoSchedule', timeAdded }] }] },
    }).object as KubeObject,
  );

test('a time with a part of a second is another until it is stored', () => {
  const [whole, fine] = [slice('2020-01-02T03:04:05Z'), slice('2020-01-02T03:04:05.5Z')];
  assert.deepEqual(whole, fine);
  assert.ok(sameValue(whole.spec, slice('2020-01-02T03:04:05.000Z').spec));
  assert.ok(!sameValue(whole.spec, fine.spec));
});

test('a phase that changes keeps a time that was sent for it, be it other by a part of a second', () => {
  const at = '2020-01-02T03:04:05Z';
  const volume = (phase: string, time: string): any =>
    normalize({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'v' },
      spec: {},
      status: { phase, lastPhaseTransitionTime: time },
    }).object;
  const prepared = (time: string) => {
    const object = volume('Bound', time);
    definitionOf('PersistentVolume').status!.prepareForUpdate!(object, volume('Pending', at), world().context);
    return object.status.lastPhaseTransitionTime;
  };
  assert.equal(prepared('2020-01-02T03:04:05.123456Z'), at);
  assert.notEqual(prepared(at), at);
});
