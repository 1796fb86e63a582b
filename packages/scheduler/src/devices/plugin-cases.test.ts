// Upstream's tables of the plugin DynamicResources as facts (plugins/dynamicresources dynamicresources_test.go and
// extendeddynamicresources_test.go of v1.36.3): scores of alternatives, and the requests that stand for extended resources.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { normalizeByMax } from '../framework/plugin.ts';
import type { NodeInfo } from '../world/infos.ts';
import { extendedRequests } from './extended.ts';
import { scoreOfDevices } from './node-devices.ts';
import cases from './plugin-cases.json' with { type: 'json' };
import type { PodDevices } from './pod-devices.ts';

for (const one of cases.scores as any[]) {
  test(`score: ${one.name}`, () => {
    const onNode = new Map([['n', { results: one.results, mappings: [] }]]);
    const state = { claims: one.claims, onNode } as unknown as PodDevices;
    assert.equal(scoreOfDevices(state, { name: 'n' } as NodeInfo), one.score);
  });
}

for (const one of cases.normalized) {
  test(`normalized: ${one.name}`, () => {
    const scores = [...one.scores];
    normalizeByMax(scores);
    assert.deepEqual(scores, one.expected);
  });
}

const wanted = ({ pod, resources, classes }: any) =>
  extendedRequests({ ...pod, spec: { containers: [], ...pod.spec } }, resources, (name) =>
    classes[name] ? { metadata: { name: classes[name] }, spec: {} } : undefined,
  );

for (const one of cases.requests) test(`requests: ${one.name}`, () => assert.deepEqual(wanted(one).requests, one.requests));
// Upstream's test does not look at their order.
const sorted = (mappings: readonly corev1.ContainerExtendedResourceRequest[]) =>
  mappings.map(({ containerName, resourceName, requestName }) => `${containerName} ${resourceName} ${requestName}`).sort();

for (const one of cases.mappings) test(`mappings: ${one.name}`, () => assert.deepEqual(sorted(wanted(one).mappings), sorted(one.mappings)));
