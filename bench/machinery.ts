// Measures the hot paths of packages/machinery on a pod as a ReplicaSet makes it. Run: node bench/machinery.ts
import { schemaTable } from '@tiphys/api';
import {
  applyMergePatch,
  applyStrategicMergePatch,
  emptyObject,
  mergeTypeOf,
  parseLabelSelector,
  serverSideApply,
  trackUpdate,
} from '@tiphys/machinery';

const POD = 'io.k8s.api.core.v1.Pod';
const tracked = { type: mergeTypeOf(schemaTable, POD), empty: emptyObject(POD), resetFields: { 'f:status': {} } };
const manager = { name: 'kube-controller-manager', apiVersion: 'v1', time: '2026-01-01T00:00:00Z' };
const container = {
  name: 'web',
  image: 'registry.example/web:1',
  imagePullPolicy: 'IfNotPresent',
  ports: [{ containerPort: 80, protocol: 'TCP' }],
  env: [
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
  ],
  resources: { requests: { cpu: '100m', memory: '64Mi' } },
  volumeMounts: [{ name: 'token', mountPath: '/var/run/secrets', readOnly: true }],
  readinessProbe: {
    httpGet: { path: '/', port: 80, scheme: 'HTTP' },
    periodSeconds: 1,
    timeoutSeconds: 1,
    successThreshold: 1,
    failureThreshold: 3,
  },
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
};
const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'u-1', controller: true, blockOwnerDeletion: true };
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'default', labels: { app: 'web', tier: 'front' }, ownerReferences: [owner] },
  spec: {
    containers: [container],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'default',
    schedulerName: 'default-scheduler',
    securityContext: {},
    tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
    volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }], defaultMode: 420 } }],
  },
  status: { phase: 'Pending' },
};
const live = { ...pod, metadata: { ...pod.metadata, uid: 'u-2', managedFields: trackUpdate(undefined, pod, manager, tracked) ?? [] } };
const running = { ...live, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } };
const applied = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', labels: { release: 'a' } } } as unknown as typeof live;
const selector = parseLabelSelector('app=web,tier in (front,back),!gone');

const ROUNDS = 20_000;
const cases: Record<string, () => unknown> = {
  'trackUpdate, create': () => trackUpdate(undefined, pod, manager, tracked),
  'trackUpdate, status': () =>
    trackUpdate(live, running, { ...manager, name: 'kubelet', subresource: 'status' }, { ...tracked, resetFields: { 'f:spec': {} } }),
  'serverSideApply, one label': () => serverSideApply(live, applied, { ...manager, name: 'me' }, tracked),
  'strategic merge patch, status': () => applyStrategicMergePatch(live, { status: running.status }, schemaTable, POD),
  'merge patch, status': () => applyMergePatch(live, { status: running.status }),
  'label selector, three requirements': () => selector.matches(pod.metadata.labels),
};

for (const [name, run] of Object.entries(cases)) {
  for (let i = 0; i < ROUNDS / 4; i++) run();
  const start = performance.now();
  for (let i = 0; i < ROUNDS; i++) run();
  const microseconds = ((performance.now() - start) / ROUNDS) * 1000;
  console.log(`${name.padEnd(36)} ${microseconds.toFixed(2).padStart(8)} µs`);
}
