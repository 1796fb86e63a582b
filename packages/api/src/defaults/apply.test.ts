import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../codec/decode.ts';
import type * as appsv1 from '../generated/apps-v1.types.ts';
import type * as corev1 from '../generated/core-v1.types.ts';
import type { KubeObject } from '../object.ts';
import { applyDefaults } from './apply.ts';
import { imageTag } from './pods.ts';

const defaulted = <T extends KubeObject>(object: object): T => applyDefaults(decode<T>(JSON.stringify(object)).object);

test('a bare pod becomes what upstream’s server shows', () => {
  const pod = defaulted<corev1.Pod>({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a' },
    spec: {
      volumes: [{ name: 'v' }, { name: 's', secret: { secretName: 'x' } }],
      containers: [
        {
          name: 'c',
          image: 'nginx',
          ports: [{ containerPort: 80 }],
          resources: { limits: { cpu: '1000m' } },
          readinessProbe: { httpGet: { port: 80 } },
          env: [{ name: 'N', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        },
      ],
      serviceAccountName: 'robot',
    },
  });
  assert.equal(
    JSON.stringify(pod),
    JSON.stringify({
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'a' },
      spec: {
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 's', secret: { secretName: 'x', defaultMode: 420 } },
        ],
        containers: [
          {
            name: 'c',
            image: 'nginx',
            ports: [{ containerPort: 80, protocol: 'TCP' }],
            env: [{ name: 'N', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } }],
            resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
            readinessProbe: {
              httpGet: { path: '/', port: 80, scheme: 'HTTP' },
              timeoutSeconds: 1,
              periodSeconds: 10,
              successThreshold: 1,
              failureThreshold: 3,
            },
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            imagePullPolicy: 'Always',
          },
        ],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        serviceAccountName: 'robot',
        serviceAccount: 'robot',
        securityContext: {},
        schedulerName: 'default-scheduler',
        enableServiceLinks: true,
      },
      status: {},
    }),
  );
});

test('templates get a pod’s defaults, except those that only pods have', () => {
  const deployment = defaulted<appsv1.Deployment>({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    spec: { selector: {}, template: { spec: { containers: [{ name: 'c', image: 'a:1', resources: { limits: { cpu: '1' } } }] } } },
  });
  assert.deepEqual(deployment.spec?.strategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } });
  assert.equal(deployment.spec?.replicas, 1);
  const template = deployment.spec!.template.spec!;
  assert.equal(template.restartPolicy, 'Always');
  assert.equal(template.enableServiceLinks, undefined);
  assert.deepEqual(template.containers[0]!.resources, { limits: { cpu: '1' } });
  assert.equal(template.containers[0]!.imagePullPolicy, 'IfNotPresent');
});

test('services, secrets and claims', () => {
  const service = defaulted<corev1.Service>({ apiVersion: 'v1', kind: 'Service', spec: { type: 'NodePort', ports: [{ port: 80 }] } });
  assert.deepEqual(service.spec?.ports, [{ protocol: 'TCP', port: 80, targetPort: 80 }]);
  assert.equal(service.spec?.externalTrafficPolicy, 'Cluster');
  assert.equal(service.spec?.internalTrafficPolicy, 'Cluster');
  const secret = defaulted<corev1.Secret>({ apiVersion: 'v1', kind: 'Secret', data: { b: 'eA==' }, stringData: { a: 'ä' } });
  assert.deepEqual(secret.data, { a: 'w6Q=', b: 'eA==' });
  assert.equal(secret.stringData, undefined);
  assert.equal(secret.type, 'Opaque');
  const set = defaulted<appsv1.StatefulSet>({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    spec: { selector: {}, template: {}, volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: { accessModes: ['ReadWriteOnce'] } }] },
  });
  const claim = set.spec!.volumeClaimTemplates![0]!;
  assert.deepEqual(
    [claim.kind, claim.apiVersion, claim.spec?.volumeMode, claim.status?.phase],
    ['PersistentVolumeClaim', 'v1', 'Filesystem', 'Pending'],
  );
});

test('requests of a whole pod come from its containers and its limits', () => {
  const pod = defaulted<corev1.Pod>({
    apiVersion: 'v1',
    kind: 'Pod',
    spec: {
      resources: { limits: { cpu: '2', memory: '1Gi' } },
      initContainers: [{ name: 'i', resources: { requests: { cpu: '1500m' } } }],
      containers: [{ name: 'c', resources: { requests: { cpu: '500m' } } }],
    },
  });
  assert.deepEqual(pod.spec?.resources?.requests, { cpu: '1500m', memory: '1Gi' });
});

test('a pod cannot ask for less than no grace, and its old address field holds; templates keep what they say', () => {
  const spec = { containers: [{ name: 'c' }], terminationGracePeriodSeconds: -1 };
  const status = { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.2' }] };
  const pod = defaulted<corev1.Pod>({ apiVersion: 'v1', kind: 'Pod', spec, status });
  assert.equal(pod.spec?.terminationGracePeriodSeconds, 1);
  assert.deepEqual(pod.status?.podIPs, [{ ip: '10.0.0.1' }]);
  const controller = defaulted<corev1.ReplicationController>({
    apiVersion: 'v1',
    kind: 'ReplicationController',
    spec: { template: { spec } },
  });
  assert.equal(controller.spec?.template?.spec?.terminationGracePeriodSeconds, -1);
});

test('defaulting twice changes nothing', () => {
  const once = defaulted<corev1.Pod>({ apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ name: 'c', image: 'x' }] } });
  assert.equal(JSON.stringify(applyDefaults(structuredClone(once))), JSON.stringify(once));
});

test('image tags', () => {
  assert.equal(imageTag('nginx'), 'latest');
  assert.equal(imageTag('x'.repeat(247)), 'latest');
  assert.equal(imageTag('x'.repeat(248)), '', 'too long beside the name of the official ones');
  assert.equal(imageTag(`host:5000/${'x'.repeat(255)}:v`), 'v');
  assert.equal(imageTag('0'.repeat(64)), '', 'an identifier is no name');
  assert.equal(imageTag('host:5000/a/b'), 'latest');
  assert.equal(imageTag('host:5000/a/b:1.2'), '1.2');
  assert.equal(imageTag(`a@sha256:${'0'.repeat(64)}`), '');
  assert.equal(imageTag(''), '');
});
