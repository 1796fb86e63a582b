// Worlds for the tables of upstream's tests: pods as they make them, and metrics servers that answer from a list.
import { type autoscalingv2, corev1, type KubeObject, type ResourceType } from '@tiphys/api';
import type { Client, EventRecorder } from '@tiphys/client';
import { statusError } from '@tiphys/machinery';
import { silentLogger } from '@tiphys/runtime';
import type { EventText } from '../runtime/actions.ts';
import type { ReconcileContext } from '../runtime/controller.ts';
import type { Behavior, Rules } from './stabilization.ts';

/** Go's zero time is long before 1970. */
export const goTime = (ago: number | null, nowMs = 0): number =>
  ago === null ? Date.UTC(1, 0, 1) - 1900 * 31_556_952_000 : nowMs - ago * 1000;

const timeOf = (ms: number) => new Date(ms).toISOString();

export interface PodsCase {
  count?: number;
  requests?: readonly string[];
  resource?: string;
  readiness?: readonly string[];
  phases?: readonly string[];
  deleting?: readonly boolean[];
  startedAgo?: readonly (number | null)[];
  /** Share of the request that each of the two containers gets, and whether the condition's time is the start. */
  halves?: boolean;
}

export function podsOf(one: PodsCase, nowMs: number): corev1.Pod[] {
  const count = Math.max(one.count ?? 0, one.phases?.length ?? 0, one.halves ? (one.requests?.length ?? 0) : 0);
  return Array.from({ length: count }, (_, at) => {
    const request = one.requests ? one.requests[at] : one.halves ? '1' : undefined;
    const started = timeOf(goTime(one.startedAgo?.[at] ?? null, nowMs));
    const amount = request === undefined ? undefined : one.halves ? `${Math.trunc(Number(milli(request)) / 2)}m` : request;
    const resources = amount === undefined ? {} : { resources: { requests: { [one.resource ?? 'cpu']: amount } } };
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `test-pod-${at}`,
        namespace: NAMESPACE,
        labels: { name: 'test-pod' },
        ...(one.deleting?.[at] ? { deletionTimestamp: timeOf(nowMs) } : {}),
      },
      spec: {
        containers: [
          { name: 'container1', ...resources },
          { name: 'container2', ...resources },
        ],
      },
      status: {
        phase: one.phases?.[at] ?? 'Running',
        startTime: started,
        conditions: [
          { type: 'Ready', status: one.readiness?.[at] ?? 'True', lastTransitionTime: one.halves ? started : timeOf(goTime(null)) },
        ],
      },
    } as corev1.Pod;
  });
}

const milli = (text: string) => (text.endsWith('m') ? text.slice(0, -1) : Number(text) * 1000);

/** As defaulting leaves them. */
export function rulesOf(scaleUp: Rules = {}, scaleDown: Rules = {}): Behavior {
  const percent = { type: 'Percent', value: 100, periodSeconds: 15 };
  const up = { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, percent] };
  return { scaleUp: { ...up, ...scaleUp }, scaleDown: { selectPolicy: 'Max', policies: [percent], ...scaleDown } };
}

export const NAMESPACE = 'test-namespace';
export const SELECTOR = 'name=test-pod';

export interface TurnCase extends PodsCase {
  spec: number;
  status: number;
  levels?: readonly number[];
  target?: { kind: string; apiVersion: string; name: string };
  /** What goes wrong: a group of metrics, `scale`, `resize`, or `conflict` of the first write. */
  failing?: readonly string[];
  selector?: string;
}

export interface Written {
  replicas?: number;
  status?: autoscalingv2.HorizontalPodAutoscalerStatus;
  events: EventText[];
}

const PLURALS: Record<string, string> = {
  ReplicationController: 'replicationcontrollers',
  Deployment: 'deployments',
  ReplicaSet: 'replicasets',
};

const discovery = (groups: Record<string, string[]>) => ({
  items: Object.entries(groups).map(([group, kinds]) => ({
    metadata: { name: group },
    versions: [{ version: group === 'custom.metrics.k8s.io' ? 'v1beta2' : 'v1', resources: kinds.map(discovered) }],
  })),
});
const discovered = (kind: string) => ({ resource: PLURALS[kind] ?? kind, responseKind: { kind }, scope: 'Namespaced', verbs: ['get'] });

/** Answers discovery and the three metrics APIs. */
function answer(url: string, one: TurnCase): { status: number; body: unknown } {
  const failed = (group: string) => one.failing?.includes(group) && { status: 500, body: { message: 'something went wrong' } };
  const levels = one.levels ?? [];
  const list = (items: unknown[]) => ({ status: 200, body: { items } });
  if (url === '/api') return { status: 200, body: discovery({ '': ['ReplicationController'] }) };
  if (url === '/apis') return { status: 200, body: discovery({ apps: ['Deployment', 'ReplicaSet'], 'custom.metrics.k8s.io': ['x'] }) };
  if (url.startsWith('/apis/metrics.k8s.io/')) {
    const usage = (level: number) => ({ cpu: `${Math.trunc(level / 2)}m`, memory: '512Ki' });
    const containers = (level: number) => ['container1', 'container2'].map((name) => ({ name, usage: usage(level) }));
    const item = (level: number, at: number) => ({
      metadata: { name: `test-pod-${at}` },
      timestamp: NOW_TEXT,
      window: '1m0s',
      containers: containers(level),
    });
    return failed('metrics') || list(levels.map(item));
  }
  if (url.startsWith('/apis/custom.metrics.k8s.io/')) {
    const item = (level: number, at: number) => ({
      describedObject: { name: `test-pod-${at}` },
      timestamp: NOW_TEXT,
      value: `${level}m`,
    });
    return failed('custom') || list(url.includes('/pods/*/') ? levels.map(item) : levels.slice(0, 1).map(item));
  }
  return failed('external') || list(levels.map((level) => ({ value: `${level}m` })));
}

export const NOW_MS = Date.UTC(2026, 0, 1);
const NOW_TEXT = timeOf(NOW_MS);

/** A context whose server knows one scale, and what was written to it. */
export function turnContext(one: TurnCase, pods: readonly corev1.Pod[]): { context: ReconcileContext; written: Written } {
  const written: Written = { events: [] };
  const scale = {
    metadata: { name: one.target?.name ?? 'test-rc', namespace: NAMESPACE },
    spec: { replicas: one.spec },
    status: { replicas: one.status, selector: one.selector ?? SELECTOR },
  };
  const failure = (what: string) => {
    if (one.failing?.includes(what)) throw statusError.internal('something went wrong');
  };
  let conflicts = one.failing?.includes('conflict') ? 1 : 0;
  const resource = {
    get: async () => {
      failure('scale');
      return scale;
    },
    update: async (object: { spec: { replicas: number } }) => {
      failure('resize');
      if (conflicts-- > 0) throw statusError.conflict({ group: '', resource: 'replicationcontrollers' }, 'test-rc', 'simulated conflict');
      written.replicas = object.spec.replicas;
    },
    updateStatus: async ({ status }: autoscalingv2.HorizontalPodAutoscaler) => {
      written.status = status!;
    },
  };
  const client = { of: () => resource, raw: async (_method: string, url: string) => answer(url, one) } as unknown as Client;
  const events: EventRecorder = {
    event: (_about, type, reason, message) => void written.events.push({ type, reason, message }),
    flushed: async () => undefined,
  };
  const snapshot = { list: (type: ResourceType): readonly KubeObject[] => (type.kind === corev1.pods.kind ? pods : []) };
  const runtime = { clock: { now: () => NOW_MS }, log: silentLogger };
  return { context: { client, events, snapshot, runtime, signal: new AbortController().signal } as unknown as ReconcileContext, written };
}
