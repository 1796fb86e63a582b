import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, autoscalingv2, corev1 } from '@tiphys/api';
import { deploymentController } from '../deployment/deployment-controller.ts';
import { replicaSetController } from '../replicaset/replicaset-controller.ts';
import { NAMESPACE, startTestCluster } from '../testing/cluster.ts';
import { deployment } from '../testing/objects.ts';
import { DEFAULT_OPTIONS } from './draft.ts';
import { podAutoscalerController } from './podautoscaler-controller.ts';

const OPTIONS = { ...DEFAULT_OPTIONS, syncMs: 20 };

const autoscaler = (minReplicas: number, maxReplicas: number): autoscalingv2.HorizontalPodAutoscaler => ({
  metadata: { name: 'web', namespace: NAMESPACE },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, minReplicas, maxReplicas },
});

test('keeps a Deployment within its bounds, and says what it misses', async () => {
  await using cluster = await startTestCluster([deploymentController, replicaSetController, podAutoscalerController(OPTIONS)]);
  await cluster.client.of(appsv1.deployments).create(deployment('web', 1));
  await cluster.client.of(autoscalingv2.horizontalpodautoscalers).create(autoscaler(3, 5));
  await cluster.until(appsv1.deployments, 'web', ({ spec, status }) => spec?.replicas === 3 && status?.readyReplicas === 3);
  const isStuck = ({ status }: autoscalingv2.HorizontalPodAutoscaler) =>
    status?.conditions?.some(({ type, reason }) => type === 'ScalingActive' && reason === 'FailedGetResourceMetric') ?? false;
  const { status } = await cluster.until(autoscalingv2.horizontalpodautoscalers, 'web', isStuck);
  assert.equal(status?.currentReplicas, 3);
  assert.equal(
    status?.conditions?.find(({ type }) => type === 'ScalingActive')?.message,
    'the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)',
  );
  const reasons = (events: readonly corev1.Event[]) => new Set(events.map(({ reason }) => reason));
  const events = await cluster.untilAll(corev1.events, (list) => reasons(list).has('FailedComputeMetricsReplicas'));
  assert.ok(reasons(events).has('SuccessfulRescale'));
  const rescaled = events.find(({ reason }) => reason === 'SuccessfulRescale');
  assert.equal(rescaled?.message, 'New size: 3; reason: Current number of replicas below Spec.MinReplicas');
});

test('a target that is not there is said in a condition, without haste', async () => {
  await using cluster = await startTestCluster([podAutoscalerController(OPTIONS)]);
  await cluster.client.of(autoscalingv2.horizontalpodautoscalers).create(autoscaler(1, 2));
  const { status } = await cluster.until(autoscalingv2.horizontalpodautoscalers, 'web', (hpa) => hpa.status?.conditions !== undefined);
  const [condition] = status!.conditions!;
  assert.deepEqual([condition!.type, condition!.status, condition!.reason], ['AbleToScale', 'False', 'FailedGetScale']);
  assert.equal(condition!.message, `the HPA controller was unable to get the target's current scale: deployments.apps "web" not found`);
});
