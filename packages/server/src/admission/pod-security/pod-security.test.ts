import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, KubeObject } from '@tiphys/api';
import { readerOf } from '../../../test/reader-of.ts';
import type { AdmissionAttributes } from '../../interfaces.ts';
import { parseAdmissionConfiguration } from '../configuration.ts';
import { podSecurity } from './plugin.ts';
import { policyOf, policyText } from './policy.ts';
import { evaluate, type Version } from './registry.ts';

const HARDENED: corev1.SecurityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const hardened = (more: Partial<corev1.PodSpec> = {}, security: corev1.SecurityContext = {}): corev1.PodSpec => ({
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [{ name: 'a', securityContext: { ...HARDENED, ...security } }],
  ...more,
});
const detailsOf = (level: 'baseline' | 'restricted', spec: corev1.PodSpec, version: Version = 'latest') =>
  evaluate(level, version, spec, {}).map(({ reason, detail }) => `${reason} (${detail})`);

test('a hardened pod passes both levels', () => {
  assert.deepEqual(detailsOf('baseline', hardened()), []);
  assert.deepEqual(detailsOf('restricted', hardened()), []);
});

const BASELINE_CASES: [Partial<corev1.PodSpec>, corev1.SecurityContext, string][] = [
  [{}, { privileged: true }, 'privileged (container "a" must not set securityContext.privileged=true)'],
  [{ hostNetwork: true, hostPID: true }, {}, 'host namespaces (hostNetwork=true, hostPID=true)'],
  [{ volumes: [{ name: 'v', hostPath: { path: '/' } }] }, {}, 'hostPath volumes (volume "v")'],
  [
    {},
    { capabilities: { add: ['SYS_ADMIN'] } },
    'non-default capabilities (container "a" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
  ],
  [{}, { procMount: 'Unmasked' }, 'procMount (container "a" must not set securityContext.procMount to "Unmasked")'],
  [
    {},
    { seccompProfile: { type: 'Unconfined' } },
    'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    {},
    { seLinuxOptions: { type: 'spc_t', user: 'u' } },
    'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
  ],
  [{ securityContext: { sysctls: [{ name: 'kernel.x', value: '1' }] } }, {}, 'forbidden sysctls (kernel.x)'],
  [{ containers: [{ name: 'p', ports: [{ containerPort: 80, hostPort: 8080 }] }] }, {}, 'hostPort (container "p" uses hostPort 8080)'],
];

test('the baseline level names what is wrong', () => {
  for (const [more, security, expected] of BASELINE_CASES) assert.deepEqual(detailsOf('baseline', hardened(more, security)), [expected]);
});

test('the restricted level asks for hardening, in upstream’s order', () => {
  assert.deepEqual(detailsOf('restricted', { containers: [{ name: 'a' }, { name: 'b' }] }), [
    'allowPrivilegeEscalation != false (containers "a", "b" must set securityContext.allowPrivilegeEscalation=false)',
    'unrestricted capabilities (containers "a", "b" must set securityContext.capabilities.drop=["ALL"])',
    'runAsNonRoot != true (pod or containers "a", "b" must set securityContext.runAsNonRoot=true)',
    'seccompProfile (pod or containers "a", "b" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ]);
  assert.deepEqual(detailsOf('restricted', hardened({}, { runAsUser: 0 })), ['runAsUser=0 (container "a" must not set runAsUser=0)']);
  assert.deepEqual(detailsOf('restricted', hardened({ volumes: [{ name: 'v', hostPath: { path: '/' } }] })), [
    'restricted volume types (volume "v" uses restricted volume type "hostPath")',
  ]);
});

test('older versions have fewer checks', () => {
  const spec: corev1.PodSpec = { containers: [{ name: 'a' }] };
  assert.equal(detailsOf('restricted', spec, 7).length, 1);
  assert.equal(detailsOf('restricted', spec, 21).length, 3);
  const sysctl = hardened({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem', value: '1' }] } });
  assert.equal(detailsOf('baseline', sysctl, 31).length, 1);
  assert.equal(detailsOf('baseline', sysctl, 32).length, 0);
});

test('labels become a policy', () => {
  const texts = (labels: Record<string, string>) => {
    const { policy, errors } = policyOf(
      Object.fromEntries(Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value])),
    );
    return [policyText(policy.enforce), policyText(policy.audit), policyText(policy.warn), errors.length];
  };
  assert.deepEqual(texts({}), ['privileged:latest', 'privileged:latest', 'privileged:latest', 0]);
  assert.deepEqual(texts({ enforce: 'baseline', 'enforce-version': 'v1.30' }), [
    'baseline:v1.30',
    'privileged:latest',
    'baseline:v1.30',
    0,
  ]);
  assert.deepEqual(texts({ enforce: 'baseline', warn: 'restricted' }), ['baseline:latest', 'privileged:latest', 'restricted:latest', 0]);
  assert.deepEqual(texts({ enforce: 'wrong', audit: 'wrong' }), ['restricted:latest', 'privileged:latest', 'privileged:latest', 2]);
});

function admission(labels: Record<string, string>, more: Partial<AdmissionAttributes>): { warnings: string[]; run(): void } {
  const warnings: string[] = [];
  const prefixed = Object.fromEntries(Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]));
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ns', labels: prefixed } };
  const bad = { kind: 'Pod', metadata: { name: 'old', namespace: 'ns' }, spec: { hostNetwork: true, containers: [] } } as KubeObject;
  const attributes: AdmissionAttributes = {
    operation: 'CREATE',
    type: { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true },
    subresource: '',
    namespace: 'ns',
    name: 'web',
    user: { name: 'ann', groups: [] },
    dryRun: false,
    reader: readerOf(namespace, bad),
    warn: (text) => void warnings.push(text),
    ...more,
    ...(more.type?.resource === 'namespaces' ? { object: namespace } : {}),
  };
  return {
    warnings,
    run: () => {
      podSecurity().validate!(attributes);
    },
  };
}

test('pods are refused or warned of, controllers are warned of', () => {
  const object = {
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'a', securityContext: { privileged: true } }] },
  } as KubeObject;
  const message =
    'pods "web" is forbidden: violates PodSecurity "baseline:latest": privileged (container "a" must not set securityContext.privileged=true)';
  assert.throws(admission({ enforce: 'baseline' }, { object }).run, { code: 403, message });
  const warned = admission({ warn: 'baseline' }, { object });
  warned.run();
  assert.deepEqual(warned.warnings, [
    'would violate PodSecurity "baseline:latest": privileged (container "a" must not set securityContext.privileged=true)',
  ]);
  const deployment = { kind: 'Deployment', spec: { template: { spec: (object as corev1.Pod).spec } } } as KubeObject;
  const type = { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', namespaced: true };
  const controller = admission({ enforce: 'baseline' }, { type, object: deployment });
  controller.run();
  assert.equal(controller.warnings.length, 1);
});

test('a namespace that becomes stricter is told of its pods; wrong labels are refused', () => {
  const type = { group: '', version: 'v1', resource: 'namespaces', kind: 'Namespace', namespaced: false };
  const oldObject = { kind: 'Namespace', metadata: { name: 'ns' } };
  const stricter = admission({ enforce: 'baseline' }, { type, operation: 'UPDATE', oldObject });
  stricter.run();
  assert.deepEqual(stricter.warnings, [
    'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
    'old: host namespaces',
  ]);
  assert.throws(admission({ enforce: 'wrong' }, { type, operation: 'UPDATE', oldObject }).run, {
    code: 422,
    message:
      'Namespace "ns" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "wrong": must be one of privileged, baseline, restricted',
  });
});

const CONFIGURATION = `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: { enforce: baseline, enforce-version: latest, warn: restricted, audit: restricted }
    exemptions: { usernames: [robot], namespaces: [kube-system], runtimeClasses: [sandbox] }
`;

/** Creates a privileged pod under CONFIGURATION; says how that went. */
function createUnderConfiguration(namespace: string, user: string, runtimeClassName?: string) {
  const { podSecurity: configuration } = parseAdmissionConfiguration(CONFIGURATION, '/');
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  const spec = { containers: [{ name: 'a', securityContext: { privileged: true } }], ...(runtimeClassName ? { runtimeClassName } : {}) };
  const attributes = {
    operation: 'CREATE',
    type: { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true },
    subresource: '',
    namespace,
    name: 'web',
    object: { kind: 'Pod', metadata: { name: 'web', namespace }, spec } as KubeObject,
    user: { name: user, groups: [] },
    dryRun: false,
    reader: readerOf({ kind: 'Namespace', metadata: { name: namespace } }),
    warn: (text: string) => void warnings.push(text),
    annotate: (key: string, value: string) => {
      annotations[key] = value;
    },
  } as AdmissionAttributes;
  const act = () => podSecurity(configuration).validate!(attributes);
  return { act, warnings, annotations };
}

test('the administrator’s file sets what namespaces without labels get, and audit is told', () => {
  const { act, annotations } = createUnderConfiguration('ns', 'ann');
  assert.throws(act, { message: /violates PodSecurity "baseline:latest": privileged/ });
  assert.equal(annotations['pod-security.kubernetes.io/enforce-policy'], 'baseline:latest');
  assert.match(annotations['pod-security.kubernetes.io/audit-violations']!, /^would violate PodSecurity "restricted:latest": privileged/);
});

test('exempt are users, namespaces and runtime classes, and audit is told which', () => {
  for (const [why, ...of] of [
    ['namespace', 'kube-system', 'ann'],
    ['user', 'ns', 'robot'],
    ['runtimeClass', 'ns', 'ann', 'sandbox'],
  ] as const) {
    const { act, warnings, annotations } = createUnderConfiguration(...(of as unknown as [string, string]));
    act();
    assert.deepEqual([annotations, warnings], [{ 'pod-security.kubernetes.io/exempt': why }, []]);
  }
});

test('a configuration that can’t be used says what is wrong', () => {
  const refused = (change: (text: string) => string, message: RegExp) =>
    assert.throws(() => parseAdmissionConfiguration(change(CONFIGURATION), '/'), { name: 'ConfigurationFileError', message });
  refused(
    (text) => text.replace('baseline', 'strict'),
    /defaults.enforce: Invalid value: "strict": must be one of privileged, baseline, restricted/,
  );
  refused((text) => text.replace('[robot]', '[""]'), /exemptions.usernames\[0\]: Invalid value: "": username must not be empty/);
  refused((text) => text.replace('name: PodSecurity', 'name: ImagePolicyWebhook'), /takes no configuration here/);
  refused((text) => text.replace('plugins:', 'plugin:'), /unknown field "plugin"/);
});
