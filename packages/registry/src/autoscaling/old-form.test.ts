import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { autoscalingv1 } from '@tiphys/api';
import { toV1, toV2 } from './old-form.ts';

const PREFIX = 'autoscaling.alpha.kubernetes.io/';
const old = (annotations: Record<string, string>, spec: object = {}): autoscalingv1.HorizontalPodAutoscaler => ({
  metadata: { name: 'a', annotations },
  spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd' }, ...spec },
});

test('without metrics the share of cpu is 80, as long as an annotation has none', () => {
  assert.equal(toV1(toV2(old({}))).spec?.targetCPUUtilizationPercentage, 80);
  assert.equal(toV1(toV2(old({}, { targetCPUUtilizationPercentage: 50 }))).spec?.targetCPUUtilizationPercentage, 50);
  const metrics = '[{"type":"Pods","pods":{"metricName":"m","targetAverageValue":"5"}}]';
  const back = toV1(toV2(old({ [`${PREFIX}metrics`]: metrics })));
  assert.equal(back.spec?.targetCPUUtilizationPercentage, undefined);
  assert.equal(back.metadata?.annotations?.[`${PREFIX}metrics`], metrics);
});

test('metrics and rules travel in forms of their own', () => {
  const v1 = toV1({
    metadata: { name: 'a' },
    spec: {
      maxReplicas: 1,
      scaleTargetRef: { kind: 'Deployment', name: 'd' },
      metrics: [{ type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } }],
      behavior: { scaleUp: { policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] } },
    },
  });
  assert.deepEqual(v1.metadata?.annotations, {
    [`${PREFIX}metrics`]: '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}}]',
    [`${PREFIX}behavior`]:
      '{"ScaleUp":{"StabilizationWindowSeconds":null,"SelectPolicy":null,"Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":null},"ScaleDown":null}',
  });
  const { spec } = toV2(v1);
  assert.deepEqual(spec?.behavior, { scaleUp: { policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] } });
  assert.deepEqual(spec?.metrics, [
    { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
  ]);
});

test('annotations of the kind that hold something else are dropped', () => {
  const v1 = toV1(toV2(old({ [`${PREFIX}metrics`]: '{', [`${PREFIX}behavior`]: '5', other: 'x' })));
  assert.deepEqual(v1.metadata?.annotations, { other: 'x' });
});
