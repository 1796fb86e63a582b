// CPU of the pure parts that every request goes through, on a pod as a ReplicaSet makes it: npm run bench -- machinery
import { applyDefaults, decode, schemaTable } from '@tiphys/api';
import {
  applyMergePatch,
  applyStrategicMergePatch,
  cel,
  emptyObject,
  mergeTypeOf,
  parseLabelSelector,
  serverSideApply,
  trackUpdate,
} from '@tiphys/machinery';
import { builtinDefinitions, type RuleContext, validateCommonMetadata, validateMetadata } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { figures, report, shown } from './measure.ts';

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

const pods = builtinDefinitions().find(({ type }) => type.kind === 'Pod')!;
const body = Buffer.from(JSON.stringify({ ...pod, metadata: { ...pod.metadata, uid: 'u-2', creationTimestamp: '2026-01-01T00:00:00Z' } }));
const rules = {
  runtime: realRuntime(),
  user: { name: 'bench', groups: [] },
  namespace: 'default',
  dryRun: false,
  warn: () => undefined,
} as unknown as RuleContext;

/** What a create does to a body besides admission and the store. */
function throughRules(): string {
  const { object } = decode(body, { schema: POD, strict: true });
  const defaulted = applyDefaults(object, POD);
  pods.setDefaults?.(defaulted);
  const faults = [
    ...validateMetadata(pods, defaulted),
    ...(pods.validateCreate?.(defaulted, rules) ?? []),
    ...validateCommonMetadata(pods, defaulted),
  ];
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return JSON.stringify(defaulted);
}

const schema = {
  type: 'object',
  properties: { replicas: { type: 'integer' }, maximum: { type: 'integer' } },
  'x-kubernetes-validations': [{ rule: 'self.replicas <= self.maximum' }],
};
const { validate } = cel.compileSchemaRules(schema)!;
const custom = { replicas: 2, maximum: 3 };

const ROUNDS = 20_000;
const RUNS = 5;
const cases: [name: string, goal: string, run: () => unknown][] = [
  ['a pod decoded, defaulted, validated and encoded', '≤ 150 µs', throughRules],
  ['fields of a created pod', '', () => trackUpdate(undefined, pod, manager, tracked)],
  [
    'fields of a status update',
    '',
    () => trackUpdate(live, running, { ...manager, name: 'kubelet', subresource: 'status' }, { ...tracked, resetFields: { 'f:spec': {} } }),
  ],
  ['server-side apply, one label', '', () => serverSideApply(live, applied, { ...manager, name: 'me' }, tracked)],
  ['strategic merge patch, status', '', () => applyStrategicMergePatch(live, { status: running.status }, schemaTable, POD)],
  ['merge patch, status', '', () => applyMergePatch(live, { status: running.status })],
  ['a rule of a custom resource (CEL), such as self.replicas <= self.maximum', '≤ 10 µs', () => validate(custom)],
  ['label selector, three requirements', '', () => selector.matches(pod.metadata.labels)],
];

/** CPU rather than time, so that what else the machine does counts little. */
function microseconds(run: () => unknown): number {
  const before = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i++) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / ROUNDS;
}

const lines = ['| what, once | CPU | goal |', '|---|---|---|'];
for (const [name, goal, run] of cases) {
  microseconds(run);
  lines.push(`| ${name} | ${shown(figures(Array.from({ length: RUNS }, () => microseconds(run))), 'µs', 2)} | ${goal} |`);
}
report('machinery', 'The pure parts of a request', lines);
