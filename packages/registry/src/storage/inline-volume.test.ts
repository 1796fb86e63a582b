import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Errors } from '../rules/errors.ts';
import { checkInlineVolume } from './inline-volume.ts';

const faults = (spec: object) => {
  const errors: Errors = [];
  checkInlineVolume(errors, 'x', spec);
  return errors.map(({ field, message }) => `${field}: ${message}`);
};
const csi = { driver: 'driver.example.com', volumeHandle: 'h' };

test('an inline volume is a CSI volume and says nothing of claims, classes or nodes', () => {
  assert.deepEqual(faults({ accessModes: ['ReadWriteOnce'], csi }), []);
  assert.deepEqual(faults({ accessModes: ['ReadWriteOnce'], csi, storageClassName: 'a', persistentVolumeReclaimPolicy: 'Delete' }), [
    'x.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of inline volumes',
    'x.storageClassName: Forbidden: may not be specified in the context of inline volumes',
  ]);
});

test('its source is asked what any volume’s is', () => {
  assert.deepEqual(faults({ accessModes: ['ReadOnlyMany'], flocker: {}, scaleIO: { gateway: 'g', system: 's', secretRef: {} } }), [
    'x.csi: Required value: has to be specified in the context of inline volumes',
    'x.flocker: Required value: one of datasetName and datasetUUID is required',
    'x.scaleIO: Forbidden: may not specify more than 1 volume type',
  ]);
});
