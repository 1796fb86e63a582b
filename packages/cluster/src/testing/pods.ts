// Small helpers of end-to-end tests that look at pods.
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { TEST_IMAGE } from './images.ts';
import { until } from './until.ts';

export const POD_MS_MAX = 60_000;

/** A pod of one container from the test image. */
export function toolsPod(name: string, container: Partial<corev1.Container>, spec: Partial<corev1.PodSpec> = {}): corev1.Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image: TEST_IMAGE, imagePullPolicy: 'Never', command: ['/bin/sleep', '10000'], ...container }],
      ...spec,
    },
  };
}

export const create = (client: Client, pod: corev1.Pod): Promise<corev1.Pod> => client.of(corev1.pods).create(pod);

/** Resolves with the pod once the condition holds for it. */
export function podUntil(
  client: Client,
  name: string,
  what: string,
  condition: (pod: corev1.Pod) => boolean,
  timeoutMs = POD_MS_MAX,
): Promise<corev1.Pod> {
  return until(`pod ${name}: ${what}`, timeoutMs, async () => {
    const pod = await client.of(corev1.pods).get(name, 'default');
    return condition(pod) && pod;
  });
}

export const isReady = (pod: corev1.Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

/** The state of the pod's only container. */
export const stateOf = (pod: corev1.Pod): corev1.ContainerState => pod.status?.containerStatuses?.[0]?.state ?? {};

/** The messages of the pod's events with this reason. */
export async function eventMessages(client: Client, pod: string, reason: string): Promise<string[]> {
  const fieldSelector = `involvedObject.name=${pod},reason=${reason}`;
  const { items } = await client.of(corev1.events).list({ namespace: 'default', fieldSelector });
  return items.map(({ message }) => message ?? '');
}

export async function isNodeReady(client: Client): Promise<boolean> {
  const { items } = await client.of(corev1.nodes).list();
  return (
    items.length > 0 && items.every((node) => node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
  );
}
