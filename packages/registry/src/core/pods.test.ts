import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, normalize } from '@tiphys/api';
import { check, checkUpdate, definitionOf, pod, row, world } from '../test-support.ts';

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

const CASES: [name: string, changes: (p: any) => void, errors: string[]][] = [
  ['a plain pod', () => {}, []],
  ['no containers', (p) => (p.spec.containers = []), ['spec.containers: Required value']],
  ['a bad container name', (p) => (p.spec.containers[0].name = 'A_b'), [`spec.containers[0].name: Invalid value: "A_b": ${LABEL}`]],
  ['no image', (p) => (p.spec.containers[0].image = ''), ['spec.containers[0].image: Required value']],
  [
    'a padded image',
    (p) => (p.spec.containers[0].image = ' nginx'),
    ['spec.containers[0].image: Invalid value: " nginx": must not have leading or trailing whitespace'],
  ],
  [
    'two containers of one name',
    (p) => p.spec.containers.push({ ...p.spec.containers[0] }),
    ['spec.containers[1].name: Duplicate value: "web"'],
  ],
  [
    'a mount without a volume',
    (p) => (p.spec.containers[0].volumeMounts = [{ name: 'data', mountPath: '/data' }]),
    ['spec.containers[0].volumeMounts[0].name: Not found: "data"'],
  ],
  [
    'a restart policy that is none',
    (p) => (p.spec.restartPolicy = 'Sometimes'),
    ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
  ],
  [
    'a port out of range',
    (p) => (p.spec.containers[0].ports = [{ containerPort: 70000, protocol: 'TCP' }]),
    ['spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
  ],
  [
    'restart rules of an init container without a policy, which are looked at no further',
    (p) => (p.spec.initContainers = [{ ...p.spec.containers[0], name: 'first', restartPolicyRules: [{ action: 'x' }] }]),
    ['spec.initContainers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used'],
  ],
  [
    'a request of the pod that is less than nothing, for what no container asks',
    (p) => (p.spec.resources = { requests: { cpu: '-1' } }),
    ['spec.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
  ],
  [
    'requests above limits',
    (p) => (p.spec.containers[0].resources = { requests: { cpu: '2' }, limits: { cpu: '1' } }),
    ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
  ],
  [
    'a resource that nobody knows',
    (p) => (p.spec.containers[0].resources = { limits: { gpu: '1' } }),
    [
      'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
    ],
  ],
  [
    'a liveness probe that needs two successes',
    (p) => (p.spec.containers[0].livenessProbe = { exec: { command: ['true'] }, successThreshold: 2 }),
    ['spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1'],
  ],
  [
    'a probe without a handler',
    (p) => (p.spec.containers[0].readinessProbe = { periodSeconds: 1 }),
    ['spec.containers[0].readinessProbe: Required value: must specify a handler type'],
  ],
  [
    'a probe of an init container that ends',
    (p) => (p.spec.initContainers = [{ ...p.spec.containers[0], name: 'init', livenessProbe: { exec: { command: ['true'] } } }]),
    ['spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always'],
  ],
  [
    'an env variable from two places',
    (p) =>
      (p.spec.containers[0].env = [{ name: 'A', value: 'x', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } }]),
    ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
  ],
  [
    'a field that env cannot take',
    (p) => (p.spec.containers[0].env = [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.labels' } } }]),
    [
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
    ],
  ],
  ['a volume of no kind', (p) => (p.spec.volumes = [{ name: 'v' }]), ['spec.volumes[0]: Required value: must specify a volume type']],
  [
    'a volume of two kinds',
    (p) => (p.spec.volumes = [{ name: 'v', hostPath: { path: '/a' }, emptyDir: {} }]),
    ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
  ],
  [
    'a path that climbs',
    (p) => (p.spec.volumes = [{ name: 'v', configMap: { name: 'c', items: [{ key: 'k', path: '../x' }] } }]),
    ['spec.volumes[0].configMap.items[0].path: Invalid value: "../x": must not contain \'..\''],
  ],
  [
    'a toleration without a key that is not Exists',
    (p) => (p.spec.tolerations = [{ operator: 'Equal', value: 'v' }]),
    [
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
  ],
  [
    'escalation that is off and privileges that are on',
    (p) => (p.spec.containers[0].securityContext = { allowPrivilegeEscalation: false, privileged: true }),
    [
      'spec.containers[0].securityContext: Invalid value: {"allowPrivilegeEscalation":false,"privileged":true}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ],
  ],
  [
    'ephemeral containers from the start',
    (p) => (p.spec.ephemeralContainers = [{ ...p.spec.containers[0], name: 'debug' }]),
    ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
  ],
  [
    'a host port that differs on the host network',
    (p) => {
      p.spec.hostNetwork = true;
      p.spec.containers[0].ports = [{ containerPort: 80, hostPort: 81, protocol: 'TCP' }];
    },
    ['spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true'],
  ],
  [
    'a name server with leading zeros',
    (p) => {
      p.spec.dnsPolicy = 'None';
      p.spec.dnsConfig = { nameservers: ['1.2.3.04'] };
    },
    ['spec.dnsConfig.nameservers[0]: Invalid value: "1.2.3.04": must not have leading 0s'],
  ],
];
for (const [name, changes, errors] of CASES) test(`a pod with ${name}`, () => assert.deepEqual(check(pod(changes)), errors));

test('a running pod may change its image and little else', () => {
  assert.deepEqual(
    checkUpdate(pod(), (p) => (p.spec.containers[0].image = 'nginx:2')),
    [],
  );
  const [line] = checkUpdate(pod(), (p) => (p.spec.nodeName = 'n1'));
  assert.match(line!, /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`,/);
  assert.deepEqual(
    checkUpdate(pod(), (p) => p.spec.containers.push({ name: 'b', image: 'b' })).at(-1),
    'spec.containers: Forbidden: pod updates may not add or remove containers',
  );
});

test('quality of service follows from requests and limits', () => {
  const classOf = (resources: object) => {
    const object = pod((p) => (p.spec.containers[0].resources = resources));
    definitionOf('Pod').prepareForCreate!(object, world().context);
    return object.status.qosClass;
  };
  assert.equal(classOf({}), 'BestEffort');
  assert.equal(classOf({ requests: { cpu: '1' } }), 'Burstable');
  assert.equal(classOf({ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1000m', memory: '1024Mi' } }), 'Guaranteed');
});

test('fields of features that are off by default are dropped', () => {
  const object = pod((p) => (p.spec.containers[0].lifecycle = { stopSignal: 'SIGUSR1', preStop: { sleep: { seconds: 1 } } }));
  const { dropDisabled } = definitionOf('Pod');
  const before = structuredClone(object);
  dropDisabled!(object);
  assert.deepEqual(object.spec.containers[0].lifecycle, { preStop: { sleep: { seconds: 1 } } });
  const kept = structuredClone(before);
  dropDisabled!(kept, before);
  assert.deepEqual(kept, before);
});

test('grace periods: none before a node is chosen, one second for a negative one', () => {
  const grace = definitionOf('Pod').graceSeconds!;
  const { context } = world();
  assert.equal(grace(pod(), undefined, context), 0);
  const bound = pod((p) => (p.spec.nodeName = 'n1'));
  assert.equal(grace(bound, undefined, context), 30);
  assert.equal(grace(bound, -5, context), 1);
  assert.equal(grace(bound, 0, context), 0);
});

const status = (changes: object) => row(pod((p) => Object.assign(p, changes)));
const crashed = { name: 'web', restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } };

test('the table tells what a pod is doing', () => {
  assert.deepEqual(status({ status: { phase: 'Pending' } }), {
    Name: 'web',
    Ready: '0/1',
    Status: 'Pending',
    Restarts: '0',
    Age: '24h',
    IP: '<none>',
    Node: '<none>',
    'Nominated Node': '<none>',
    'Readiness Gates': '<none>',
  });
  const lastState = { terminated: { exitCode: 1, finishedAt: '2026-01-01T23:55:00Z' } };
  const looping = status({ status: { phase: 'Running', containerStatuses: [{ ...crashed, lastState }] } });
  assert.equal(looping.Status, 'CrashLoopBackOff');
  assert.equal(looping.Restarts, '3 (5m ago)');
  const running = { name: 'web', ready: true, restartCount: 0, state: { running: {} } };
  assert.equal(status({ status: { phase: 'Running', containerStatuses: [running] } }).Ready, '1/1');
  const going = { metadata: { name: 'web', deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { phase: 'Running' } };
  assert.equal(status(going).Status, 'Terminating');
});

test('a pod that starts shows its init container', () => {
  const object = pod((p) => {
    p.spec.initContainers = [{ ...p.spec.containers[0], name: 'init' }];
    p.status = { phase: 'Pending', initContainerStatuses: [{ name: 'init', state: { running: {} } }] };
  });
  assert.equal(row(object).Status, 'Init:0/1');
});

test('a binding names its pod by what can be a key', async () => {
  const { context, operations } = world();
  const answered = (name: string) =>
    definitionOf('Binding').review!(
      { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { name: 'n' } },
      { ...context, namespace: 'default' },
      operations,
    );
  await assert.rejects(async () => answered(''), { code: 400, message: 'Name parameter required.' });
  await assert.rejects(async () => answered('a/%'), {
    code: 400,
    message: `Name parameter invalid: "a/%": may not contain '/';may not contain '%'`,
  });
  await assert.rejects(async () => answered('ghost'), { code: 404 });
});

test('what came empty is given where nothing may be', () => {
  const container = (fields: object) => ({ name: 'e', image: 'i', terminationMessagePolicy: 'File', imagePullPolicy: 'Always', ...fields });
  const refused = (fields: object) => {
    const object = pod((p) => (p.spec.ephemeralContainers = [container(fields)]));
    const errors: string[] = check(normalize(object).object as KubeObject);
    return errors.filter((text) => text.includes('cannot be set for an Ephemeral Container')).map((text) => text.split(':')[0]);
  };
  assert.deepEqual(refused({}), []);
  assert.deepEqual(refused({ resources: {} }), []);
  assert.deepEqual(refused({ resizePolicy: [], ports: [], restartPolicy: '', resources: { limits: {} } }), [
    'spec.ephemeralContainers[0].ports',
    'spec.ephemeralContainers[0].resources',
    'spec.ephemeralContainers[0].resizePolicy',
    'spec.ephemeralContainers[0].restartPolicy',
  ]);
});

test('of several mounts or devices of one name the last counts for the others', () => {
  const errors = check(
    pod((p) => {
      p.spec.volumes = [{ name: 'a', persistentVolumeClaim: { claimName: 'a' } }];
      p.spec.containers[0].volumeMounts = [{ name: 'a', mountPath: '/x' }];
      p.spec.containers[0].volumeDevices = [
        { name: 'a', devicePath: '/x' },
        { name: 'a', devicePath: '/y' },
      ];
    }),
  );
  assert.ok(errors.some((text) => text.endsWith('must not already exist in volumeDevices')));
  assert.ok(!errors.some((text) => text.endsWith('must not already exist as a path in volumeDevices')));
});
