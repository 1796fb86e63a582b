// Resource claims against the real API server: what the scheduler gives, writes and takes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1, resourcev1 } from '@tiphys/api';
import { type TestCluster, testCluster } from '../testing/cluster.ts';

const NAMESPACE = 'default';
const isBound = (pod: corev1.Pod) => Boolean(pod.spec?.nodeName);
const scheduled = (pod: corev1.Pod) => pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
const using = (...claims: string[]): Partial<corev1.PodSpec> => ({
  containers: [{ name: 'c', image: 'i', resources: { claims: claims.map((name) => ({ name })) } }],
  resourceClaims: claims.map((name) => ({ name, resourceClaimName: name })),
});

const addClass = ({ client }: TestCluster, name: string, spec: resourcev1.DeviceClassSpec = {}) =>
  client.of(resourcev1.deviceclasses).create({
    metadata: { name },
    spec: { selectors: [{ cel: { expression: `device.driver == "${name}.example.com"` } }], ...spec },
  });

const addDevices = ({ client }: TestCluster, driver: string, nodeName: string, devices: resourcev1.Device[]) =>
  client.of(resourcev1.resourceslices).create({
    metadata: { name: `${driver}-${nodeName}` },
    spec: {
      driver: `${driver}.example.com`,
      pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
      nodeName,
      devices,
    },
  });

const addClaim = ({ client }: TestCluster, name: string, deviceClassName: string, more: Partial<resourcev1.ExactDeviceRequest> = {}) =>
  client.of(resourcev1.resourceclaims).create({
    metadata: { name, namespace: NAMESPACE },
    spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName, ...more } }] } },
  });

const devicesOf = (claim: resourcev1.ResourceClaim) =>
  claim.status?.allocation?.devices?.results?.map(({ pool, device }) => `${pool}/${device}`);

test('a claim gets its device on the node that has it, and is reserved for the pod before the pod is bound', async () => {
  await using cluster = await testCluster();
  await addClass(cluster, 'gpu');
  for (const name of ['bare', 'rich']) await cluster.addNode(name, '4');
  await addDevices(cluster, 'gpu', 'rich', [{ name: 'small' }, { name: 'large', capacity: { memory: { value: '80Gi' } } }]);
  const isLarge =
    "device.capacity['gpu.example.com'].?memory.hasValue() && device.capacity['gpu.example.com'].memory.isGreaterThan(quantity('40Gi'))";
  await addClaim(cluster, 'c', 'gpu', { selectors: [{ cel: { expression: isLarge } }] });
  await cluster.addPod('p', using('c'));
  const pod = await cluster.until(corev1.pods, 'p', isBound);
  const claim = await cluster.client.of(resourcev1.resourceclaims).get('c', NAMESPACE);
  assert.equal(pod.spec?.nodeName, 'rich');
  assert.deepEqual(devicesOf(claim), ['rich/large']);
  assert.deepEqual(claim.metadata?.finalizers, ['resource.kubernetes.io/delete-protection']);
  assert.deepEqual(claim.status?.reservedFor, [{ resource: 'pods', name: 'p', uid: pod.metadata!.uid }]);
  assert.ok(claim.status?.allocation?.allocationTimestamp);
  assert.deepEqual(claim.status?.allocation?.nodeSelector?.nodeSelectorTerms[0]?.matchFields?.[0]?.values, ['rich']);
  // Whoever shares the claim follows it.
  await cluster.addPod('second', using('c'));
  assert.equal((await cluster.until(corev1.pods, 'second', isBound)).spec?.nodeName, 'rich');
  const shared = await cluster.client.of(resourcev1.resourceclaims).get('c', NAMESPACE);
  assert.deepEqual(
    shared.status?.reservedFor?.map(({ name }) => name),
    ['p', 'second'],
  );
});

test('a pod waits for its claim, and is tried once that is there', async () => {
  await using cluster = await testCluster();
  await addClass(cluster, 'gpu');
  await cluster.addNode('n', '4');
  await addDevices(cluster, 'gpu', 'n', [{ name: 'one' }]);
  await cluster.addPod('p', using('late'));
  await cluster.addPod('free');
  await cluster.until(corev1.pods, 'free', isBound);
  const lines: string[] = [];
  for (const family of cluster.metrics()) family.write(lines);
  assert.ok(lines.includes('scheduler_pending_pods{queue="gated"} 1'));
  await addClaim(cluster, 'late', 'gpu');
  await cluster.until(corev1.pods, 'p', isBound);
});

test('of two claims for one device the second waits until the first is given up', async () => {
  await using cluster = await testCluster();
  await addClass(cluster, 'gpu');
  await cluster.addNode('n', '4');
  await addDevices(cluster, 'gpu', 'n', [{ name: 'one' }]);
  for (const name of ['first', 'second']) await addClaim(cluster, name, 'gpu');
  await cluster.addPod('a', using('first'));
  await cluster.until(corev1.pods, 'a', isBound);
  await cluster.addPod('b', using('second'));
  const refused = await cluster.until(corev1.pods, 'b', (pod) => scheduled(pod)?.reason === 'Unschedulable');
  assert.equal(
    scheduled(refused)?.message,
    '0/1 nodes are available: 1 cannot allocate all claims. still not schedulable, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
  );
  const first = await cluster.client.of(resourcev1.resourceclaims).get('first', NAMESPACE);
  const { allocation: _gone, reservedFor: _nobody, ...status } = first.status!;
  await cluster.client.of(resourcev1.resourceclaims).updateStatus({ ...first, status });
  await cluster.clock.advance(2000);
  await cluster.until(corev1.pods, 'b', isBound);
  const second = await cluster.client.of(resourcev1.resourceclaims).get('second', NAMESPACE);
  assert.deepEqual(devicesOf(second), ['n/one']);
});

test('an allocation that fits no node is given up, so that another can be found', async () => {
  await using cluster = await testCluster();
  await addClass(cluster, 'gpu');
  await cluster.addNode('n', '4');
  await addDevices(cluster, 'gpu', 'n', [{ name: 'one' }]);
  const claim = await addClaim(cluster, 'c', 'gpu');
  const elsewhere = { key: 'metadata.name', operator: 'In', values: ['gone'] };
  const allocation = {
    devices: { results: [{ request: 'r', driver: 'gpu.example.com', pool: 'gone', device: 'x' }] },
    nodeSelector: { nodeSelectorTerms: [{ matchFields: [elsewhere] }] },
  };
  await cluster.client.of(resourcev1.resourceclaims).updateStatus({ ...claim, status: { allocation } });
  await cluster.addPod('p', using('c'));
  const refused = await cluster.until(corev1.pods, 'p', (pod) => scheduled(pod)?.reason === 'Unschedulable');
  assert.match(
    scheduled(refused)!.message!,
    /1 resourceclaim not available on the node\. deallocation of ResourceClaim completed, preemption: /,
  );
  await cluster.until(resourcev1.resourceclaims, 'c', (one) => devicesOf(one)?.[0] !== 'gone/x');
  await cluster.clock.advance(2000);
  await cluster.until(corev1.pods, 'p', isBound);
});

test('an expression that fails is an error, not a refusal', async () => {
  await using cluster = await testCluster();
  await addClass(cluster, 'gpu');
  await cluster.addNode('n', '4');
  await addDevices(cluster, 'gpu', 'n', [{ name: 'one' }]);
  await addClaim(cluster, 'c', 'gpu', { selectors: [{ cel: { expression: "device.attributes['gpu.example.com'].model == 'x'" } }] });
  await cluster.addPod('p', using('c'));
  const failed = await cluster.until(corev1.pods, 'p', (pod) => scheduled(pod)?.reason === 'SchedulerError');
  assert.equal(
    scheduled(failed)?.message,
    'running "DynamicResources" filter plugin: claim default/c: selector #0: CEL runtime error: no such key: model',
  );
});

test('extended resources that a class stands for get a claim of their own', async () => {
  await using cluster = await testCluster();
  await addClass(cluster, 'gpu', { extendedResourceName: 'example.com/gpu' });
  await cluster.addNode('n', '4');
  await addDevices(cluster, 'gpu', 'n', [{ name: 'one' }, { name: 'two' }, { name: 'three' }]);
  const resources = { requests: { 'example.com/gpu': '2' }, limits: { 'example.com/gpu': '2' } };
  await cluster.addPod('p', { containers: [{ name: 'c', image: 'i', resources }] });
  const pod = await cluster.until(corev1.pods, 'p', isBound);
  const told = pod.status!.extendedResourceClaimStatus!;
  assert.deepEqual(told.requestMappings, [{ containerName: 'c', resourceName: 'example.com/gpu', requestName: 'container-0-request-0' }]);
  const claim = await cluster.client.of(resourcev1.resourceclaims).get(told.resourceClaimName, NAMESPACE);
  assert.match(told.resourceClaimName, /^p-extended-resources-/);
  assert.deepEqual(devicesOf(claim), ['n/one', 'n/two']);
  assert.equal(claim.metadata?.annotations?.['resource.kubernetes.io/extended-resource-claim'], 'true');
  assert.equal(claim.metadata?.ownerReferences?.[0]?.uid, pod.metadata?.uid);
});

test('a device that must be prepared holds the binding up until its driver says so', async () => {
  await using cluster = await testCluster();
  await addClass(cluster, 'gpu');
  await cluster.addNode('n', '4');
  await addDevices(cluster, 'gpu', 'n', [{ name: 'one', bindingConditions: ['attached'], bindingFailureConditions: ['broken'] }]);
  await addClaim(cluster, 'c', 'gpu');
  await cluster.addPod('p', using('c'));
  const event = await cluster.event('p', 'BindingConditionsPending');
  assert.equal(event.message, 'waiting for binding conditions for device on node n');
  const claim = await cluster.client.of(resourcev1.resourceclaims).get('c', NAMESPACE);
  const condition = { type: 'attached', status: 'True', reason: 'Done', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const devices = [{ driver: 'gpu.example.com', pool: 'n', device: 'one', conditions: [condition] }];
  await cluster.client.of(resourcev1.resourceclaims).updateStatus({ ...claim, status: { ...claim.status, devices } });
  await cluster.until(resourcev1.resourceclaims, 'c', (one) => one.status?.devices !== undefined);
  await cluster.clock.advance(5000);
  await cluster.until(corev1.pods, 'p', isBound);
});
