import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { appArmorRefusal } from './app-armor.ts';

const pod = (ofPod?: string, ofContainer?: string): corev1.Pod => ({
  spec: {
    ...(ofPod ? { securityContext: { appArmorProfile: { type: ofPod } } } : {}),
    containers: [{ name: 'c', image: 'i', ...(ofContainer ? { securityContext: { appArmorProfile: { type: ofContainer } } } : {}) }],
  },
});

test('a profile is refused where the kernel has none, unless it says unconfined', () => {
  assert.equal(appArmorRefusal(pod(), false), undefined);
  assert.equal(appArmorRefusal(pod('RuntimeDefault'), true), undefined);
  assert.equal(appArmorRefusal(pod('RuntimeDefault'), false)?.reason, 'AppArmor');
  assert.equal(appArmorRefusal(pod('RuntimeDefault', 'Unconfined'), false), undefined);
  assert.equal(appArmorRefusal({ ...pod('RuntimeDefault'), status: { phase: 'Running' } }, false), undefined);
});
