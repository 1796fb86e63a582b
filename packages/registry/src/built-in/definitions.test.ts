import assert from 'node:assert/strict';
import { test } from 'node:test';
import { world } from '../test-support.ts';
import { builtinDefinitions, builtinGroupVersions } from './definitions.ts';
import { isServed, parseRuntimeConfig } from './served.ts';

const named = (group: string, resource: string, version = 'v1') =>
  builtinDefinitions().find(({ type }) => type.group === group && type.resource === resource && type.version === version)!;

test('stable versions are served, others when asked for', () => {
  assert.equal(builtinDefinitions().length, 68);
  const all = builtinDefinitions({ runtimeConfig: { 'api/all': true } });
  assert.ok(all.some(({ type }) => type.version === 'v1alpha2' && type.resource === 'podgroups'));
  assert.equal(isServed('apps', 'v1', { 'apps/v1': false }), false);
  assert.equal(isServed('storage.k8s.io', 'v1beta1', { 'api/beta': true }), true);
});

test('what --runtime-config takes is read, and what is wrong with it is told', () => {
  const known = builtinGroupVersions();
  assert.deepEqual(parseRuntimeConfig('api/beta, batch/v1=false,v1=true', known), { 'api/beta': true, 'batch/v1': false, v1: true });
  for (const [text, message] of [
    ['api/beta=yes', 'invalid value api/beta=yes'],
    ['batch/v7', 'unknown api batch/v7: neither api/all, api/ga, api/beta, api/alpha nor a group with its version'],
    ['resource.k8s.io/v1beta1=true', 'unknown api resource.k8s.io/v1beta1: neither'],
    ['api/all=false', 'invalid runtime-config with only api/all=false'],
    ['', 'unknown api : neither'],
  ]) {
    assert.throws(
      () => parseRuntimeConfig(text!, known),
      ({ message: told }: Error) => told.startsWith(message!),
    );
  }
});

test('a beta version of what is stable is judged as it', () => {
  const { context } = world();
  const beta = builtinDefinitions({ runtimeConfig: { 'api/beta': true } }).find(
    ({ type }) => type.version === 'v1beta2' && type.resource === 'deviceclasses',
  )!;
  const object: any = { apiVersion: 'resource.k8s.io/v1beta2', kind: 'DeviceClass', metadata: { name: 'a' } };
  object.spec = { selectors: [{ cel: { expression: 'not CEL' } }] };
  const paths = (definition: typeof beta) => (definition.validateCreate!(object, context) as any[]).map(({ field }) => field);
  assert.deepEqual(paths(beta), ['spec.selectors[0].cel.expression']);
  assert.equal(beta.schema, 'io.k8s.api.resource.v1beta2.DeviceClass');
});

test('keys, verbs and answers follow upstream', () => {
  assert.equal(named('', 'nodes').storagePrefix, 'minions');
  assert.equal(named('', 'services').storagePrefix, 'services/specs');
  assert.equal(named('apps', 'deployments').schema, 'io.k8s.api.apps.v1.Deployment');
  assert.deepEqual(named('', 'pods').shortNames, ['po']);
  assert.equal(named('', 'pods').deleteReturnsObject, true);
  assert.equal(named('coordination.k8s.io', 'leases').allowUnconditionalUpdate, false);
  assert.equal(named('batch', 'jobs').defaultPropagation, 'Orphan');
  assert.equal(named('', 'configmaps').generation, false);
});

/** Bodies may lack anything: rules then answer with errors and never throw. */
for (const definition of builtinDefinitions({ runtimeConfig: { 'api/all': true } })) {
  const { group, version, resource, kind } = definition.type;
  test(`an empty ${group}/${version} ${resource} breaks no rule's code`, () => {
    const { context } = world();
    const empty = (): any => ({ kind, metadata: { name: 'a', namespace: 'b', uid: 'c' } });
    for (const column of definition.columns ?? []) column.cell(empty(), 0);
    assert.deepEqual(
      Object.values(definition.selectableFields?.({} as never) ?? {}).filter((value) => typeof value !== 'string'),
      [],
    );
    const [object, old] = [empty(), empty()];
    definition.prepareForCreate?.(object, context);
    definition.validateCreate?.(object, context);
    for (const rules of [definition, definition.status, ...(definition.subresources ?? []).map(({ update }) => update)]) {
      const changed = empty();
      rules?.prepareForUpdate?.(changed, old, context);
      rules?.validateUpdate?.(changed, old, context);
    }
    for (const column of definition.columns ?? []) column.cell(object, 0);
  });
}

test('both groups see an event, each in its own words', () => {
  const { conversion } = named('events.k8s.io', 'events');
  const served = { kind: 'Event', metadata: { name: 'e' }, regarding: { kind: 'Pod', name: 'p' }, note: 'hi', reportingController: 'a/b' };
  const stored = conversion!.toStored(served as never) as any;
  assert.deepEqual([stored.involvedObject.name, stored.message, stored.reportingComponent], ['p', 'hi', 'a/b']);
  assert.deepEqual(conversion!.fromStored(stored), served);
});

test('an autoscaler of v1 keeps its cpu share through v2', () => {
  const { conversion } = named('autoscaling', 'horizontalpodautoscalers');
  const served: any = {
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h' },
    spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd' }, targetCPUUtilizationPercentage: 50 },
  };
  const stored = conversion!.toStored(served) as any;
  assert.equal(stored.spec.metrics[0].resource.target.averageUtilization, 50);
  assert.equal((conversion!.fromStored(stored) as any).spec.targetCPUUtilizationPercentage, 50);
});
