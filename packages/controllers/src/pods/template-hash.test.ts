// Hashes that kube-controller-manager v1.36.3 gives these templates, after a trip over protobuf as its informers see them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { patchOf, revisionHash } from '../history/revisions.ts';
import { templateDump, templateHash } from './template-hash.ts';
import known from './template-hashes.json' with { type: 'json' };

const QUANTITIES: Record<string, string> = {
  '100m': '77f4955699',
  '1': '6b759f96b6',
  '1.5Gi': 'b48b9967c',
  '128Mi': '6f4c4c8bb9',
  '64M': '855b659dbf',
  '100Ti': '79444fcb85',
  '0': '75695558b',
  '1e3': '7bbffffdd',
  '12e6': '64fd686778',
  '1500m': '5ffb5b6fcc',
  '0.1': '77f4955699',
  '3Pi': '686bb8d54',
  '1.234': '846cd547b4',
  '999999999999999999': '7f7f46f578',
  '9999999999999999999': '5fccbcb78b',
  '1Ei': '6965ffb5b4',
  '16Ei': '65dd4b4cf6',
  '5n': '6f9fbc4f58',
  '-3': '654fb966f4',
  '1024': '766dc464',
  '1000k': '7b9f559bbf',
  '2000': '7687655dc6',
  '1.5': '5ffb5b6fcc',
  '8Ki': '54f58c6698',
  '7Ki': '7dccf954b5',
  '0.5Mi': '6ffcdc47d5',
  '1e-3': '776866b478',
  '123456789012345678k': '7dd59ccfd4',
  '-1.5Gi': '75f58fddb4',
  '.5': '5587fc85ff',
  '1u': '5d9d588964',
};

test('templates with every field have the hash they have upstream', () => {
  for (const { hash, template } of known) assert.equal(templateHash(template as corev1.PodTemplateSpec, undefined), hash);
});

test('quantities of every form and size go into the hash as they lie in memory upstream', () => {
  const found = Object.fromEntries(
    Object.keys(QUANTITIES).map((memory) => {
      const containers = [{ name: 'a', resources: { limits: { memory } } }] as corev1.Container[];
      return [memory, templateHash({ spec: { containers } }, undefined)];
    }),
  );
  assert.deepEqual(found, QUANTITIES);
});

test('what is empty counts as absent, and the number of collisions changes the hash', () => {
  const spec = { containers: [{ name: 'a' }] };
  const empty = { metadata: { labels: {} }, spec: { ...spec, volumes: [], nodeSelector: {} } };
  assert.equal(templateDump(empty), templateDump({ spec }));
  assert.notEqual(templateDump({ spec: { ...spec, securityContext: {} } }), templateDump({ spec }));
  assert.notEqual(templateHash({ spec }, 0), templateHash({ spec }, undefined));
});

test("a StatefulSet's revision has the hash it has upstream", () => {
  const template = {
    metadata: { labels: { app: 'ss', b: 'c' }, annotations: { x: '<&>' } },
    spec: {
      containers: [
        {
          name: 'web',
          image: 'web:1',
          imagePullPolicy: 'IfNotPresent',
          lifecycle: { preStop: { exec: { command: ['sleep', '1'] } } },
          resources: { requests: { cpu: '10m', memory: '1536Mi' } },
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
        },
      ],
      dnsPolicy: 'ClusterFirst',
      restartPolicy: 'Always',
      schedulerName: 'default-scheduler',
      securityContext: {},
      terminationGracePeriodSeconds: 30,
    },
  };
  assert.equal(revisionHash(patchOf(template), 0), '86cf7fff7');
});
