import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { container, pod } from '../../test/pods.ts';
import { type AdmissionFacts, admissionOf } from './pod-admission.ts';

const node: corev1.Node = {
  metadata: { name: 'n' },
  status: { allocatable: { cpu: '2', pods: '10' }, nodeInfo: { kernelVersion: '6.1.0' } as corev1.NodeSystemInfo },
};
const facts = (more: Partial<AdmissionFacts> = {}): AdmissionFacts => ({ node, others: [], pressures: [], hasAppArmor: false, ...more });
const asking = (cpu: string, more: Partial<corev1.PodSpec> = {}) =>
  pod({ containers: [container('c', { resources: { requests: { cpu } } })], ...more });
const reason = (wanted: corev1.Pod, more: Partial<AdmissionFacts> = {}) => admissionOf(wanted, facts(more)).refusal?.reason;

test('what the machine can’t do comes before what it has no room for', () => {
  assert.equal(reason(asking('1')), undefined);
  assert.equal(reason(asking('3')), 'OutOfcpu');
  assert.equal(reason(asking('3', { os: { name: 'windows' } })), 'PodOSNotSupported');
  assert.equal(reason(asking('3'), { pressures: ['DiskPressure'] }), 'Evicted');
  const strict = asking('3', { securityContext: { supplementalGroupsPolicy: 'Strict' } });
  assert.equal(reason(strict), 'SupplementalGroupsPolicyNotSupported');
  assert.equal(reason(asking('1', { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } })), 'AppArmor');
});

test('for a pod that the cluster can’t do without others make room, where that helps', () => {
  const priority = 2_000_000_000;
  const other = asking('1500m');
  const { refusal, toPreempt } = admissionOf(asking('1', { priority }), facts({ others: [other] }));
  assert.deepEqual([refusal, toPreempt], [undefined, [other]]);
  assert.equal(reason(asking('1'), { others: [other] }), 'OutOfcpu');
  assert.equal(reason(asking('1', { priority, nodeSelector: { zone: 'a' } }), { others: [other] }), 'NodeAffinity');
  assert.deepEqual(admissionOf(asking('3', { priority }), facts({ others: [other] })).refusal, {
    reason: 'UnexpectedAdmissionError',
    message:
      'Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: ' +
      'no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]',
  });
});
