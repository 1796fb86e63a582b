import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VirtualClock } from '@tiphys/runtime';
import type { ResourceDefinition } from '../define-resource.ts';
import { definitionOf, lines, row, world } from '../test-support.ts';
import { recordOfPorts } from './service/port-record.ts';

const OPTIONS = { serviceCidr: '10.0.0.0/28', nodePortRange: [30000, 30003] as [number, number] };
const service = (changes: (s: any) => void = () => {}, name = 'web'): any => {
  const object = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      selector: { app: 'web' },
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    },
  };
  changes(object);
  return object;
};
const nodePort = (s: any) => Object.assign(s.spec, { type: 'NodePort', externalTrafficPolicy: 'Cluster' });

type World = ReturnType<typeof world>;

async function create(definition: ResourceDefinition<any>, { context, operations, put }: World, object: any): Promise<any> {
  const claim = await definition.beginCreate!(object, context, operations);
  const errors = lines(definition.validateCreate!(object, context));
  if (errors.length) {
    await claim.revert?.();
    throw new Error(errors.join('\n'));
  }
  put(object);
  await claim.commit?.();
  return object;
}

async function update(definition: ResourceDefinition<any>, { context, operations, put }: World, old: any, changes: (s: any) => void) {
  const object = structuredClone(old);
  changes(object);
  const claim = await definition.beginUpdate!(object, old, context, operations);
  definition.prepareForUpdate!(object, old, context);
  assert.deepEqual(lines(definition.validateUpdate!(object, old, context)), []);
  put(object);
  await claim.commit?.();
  return object;
}

test('a service gets an address of the range, and an IPAddress claims it', async () => {
  const [definition, all] = [definitionOf('Service', OPTIONS), world()];
  const { spec } = await create(definition, all, service());
  assert.match(spec.clusterIP, /^10\.0\.0\.\d+$/);
  assert.deepEqual(spec.clusterIPs, [spec.clusterIP]);
  assert.deepEqual([spec.ipFamilies, spec.ipFamilyPolicy], [['IPv4'], 'SingleStack']);
  assert.deepEqual((all.stored.get(`IPAddress//${spec.clusterIP}`) as any).spec.parentRef, {
    group: '',
    resource: 'services',
    namespace: 'default',
    name: 'web',
  });
});

test('an address is given once, and refusals say why', async () => {
  const [definition, all] = [definitionOf('Service', OPTIONS), world()];
  await create(
    definition,
    all,
    service((s) => (s.spec.clusterIP = '10.0.0.5')),
  );
  const taken = create(
    definition,
    all,
    service((s) => (s.spec.clusterIP = '10.0.0.5'), 'other'),
  );
  await assert.rejects(taken, {
    message:
      'Service "other" is invalid: spec.clusterIPs: Invalid value: ["10.0.0.5"]: failed to allocate IP 10.0.0.5: provided IP is already allocated',
  });
  const outside = create(
    definition,
    all,
    service((s) => (s.spec.clusterIP = '10.9.0.5'), 'far'),
  );
  await assert.rejects(outside, /failed to allocate IP 10.9.0.5: the provided network does not match the current range/);
  const twoStacks = create(
    definition,
    all,
    service((s) => (s.spec.ipFamilyPolicy = 'RequireDualStack'), 'dual'),
  );
  await assert.rejects(twoStacks, /this cluster is not configured for dual-stack services/);
});

test('many services at once never share an address or a port, and a full range says so', async () => {
  const [definition, all] = [definitionOf('Service', { ...OPTIONS, nodePortRange: [30000, 30100] }), world()];
  const made = await Promise.all(Array.from({ length: 14 }, (_, i) => create(definition, all, service(nodePort, `web-${i}`))));
  assert.equal(new Set(made.map(({ spec }) => spec.clusterIP)).size, 14);
  assert.equal(new Set(made.map(({ spec }) => spec.ports[0].nodePort)).size, 14);
  await assert.rejects(
    create(definition, all, service(undefined, 'one-more')),
    /failed to allocate a serviceIP for Service "one-more": range is full/,
  );
});

test('node ports: range, conflict, and sharing between protocols', async () => {
  const [definition, all] = [definitionOf('Service', OPTIONS), world()];
  const withPort = (port: number, name: string) =>
    create(
      definition,
      all,
      service((s) => Object.assign(nodePort(s).ports[0], { nodePort: port }), name),
    );
  await withPort(30001, 'first');
  await assert.rejects(withPort(30001, 'second'), /spec.ports\[0\].nodePort: Invalid value: 30001: provided port is already allocated/);
  await assert.rejects(withPort(80, 'low'), /provided port is not in the valid range. The range of valid ports is 30000-30003/);
  const both = await create(
    definition,
    all,
    service((s) => {
      nodePort(s);
      s.spec.ports = ['TCP', 'UDP'].map((protocol) => ({ name: protocol.toLowerCase(), port: 53, protocol, targetPort: 53 }));
    }, 'dns'),
  );
  assert.equal(both.spec.ports[0].nodePort, both.spec.ports[1].nodePort);
});

test('a port that an update names twice, and a service without a name', async () => {
  const [definition, all] = [definitionOf('Service', OPTIONS), world()];
  const first = await create(definition, all, service(nodePort));
  const twice = update(definition, all, first, (s) => s.spec.ports.push({ ...s.spec.ports[0] }));
  await assert.rejects(twice, { code: 500, message: `duplicate nodePort: {TCP ${first.spec.ports[0].nodePort}}` });
  await assert.rejects(
    create(definition, all, service(undefined, '')),
    /spec.clusterIPs: Invalid value: \[""\]: failed to allocate IP: IPAddress.networking.k8s.io "10.0.0.\d+" is invalid: spec.parentRef.name: Required value/,
  );
});

test('what a type no longer has is given back', async () => {
  const [definition, all] = [definitionOf('Service', OPTIONS), world()];
  const first = await create(definition, all, service(nodePort));
  const external = await update(definition, all, first, (s) =>
    Object.assign(s.spec, { type: 'ExternalName', externalName: 'example.com' }),
  );
  assert.equal(external.spec.clusterIP, undefined);
  assert.equal(external.spec.ports[0].nodePort, undefined);
  assert.equal(all.stored.has(`IPAddress//${first.spec.clusterIP}`), false);
  const again = await update(definition, all, external, (s) => {
    Object.assign(s.spec, { type: 'ClusterIP', internalTrafficPolicy: 'Cluster' });
  });
  assert.ok(again.spec.clusterIP);
});

test('an invalid service leaves nothing claimed', async () => {
  const [definition, all] = [definitionOf('Service', OPTIONS), world()];
  await assert.rejects(
    create(
      definition,
      all,
      service((s) => (s.spec.ports = [])),
    ),
    /spec.ports: Required value/,
  );
  assert.equal(all.stored.size, 0);
});

test('headless services have no address', async () => {
  const [definition, all] = [definitionOf('Service', OPTIONS), world()];
  const { spec } = await create(
    definition,
    all,
    service((s) => (s.spec.clusterIP = 'None')),
  );
  assert.deepEqual([spec.clusterIPs, spec.ipFamilies, spec.ipFamilyPolicy], [['None'], ['IPv4'], 'SingleStack']);
  assert.equal(all.stored.size, 1);
});

test('the table of services', () => {
  const object = service((s) => {
    nodePort(s);
    s.spec.clusterIPs = ['10.0.0.9'];
    s.spec.ports[0].nodePort = 30001;
  });
  assert.deepEqual(row(object), {
    Name: 'web',
    Type: 'NodePort',
    'Cluster-IP': '10.0.0.9',
    'External-IP': '<none>',
    'Port(s)': '80:30001/TCP',
    Age: '24h',
    Selector: 'app=web',
  });
});

test('ports that another server has claimed are taken, and what nobody uses is free again after a while', async () => {
  const [definition, all] = [definitionOf('Service', OPTIONS), world()];
  const claimed = (...ports: number[]) => recordOfPorts(new Set(ports), 30000, 30003);
  all.stored.set('servicenodeports', claimed(30000, 30001, 30002));
  const first = await create(definition, all, service(nodePort));
  assert.equal(first.spec.ports[0].nodePort, 30003);
  assert.deepEqual(all.stored.get('servicenodeports'), claimed(30000, 30001, 30002, 30003));
  const fails = () => assert.rejects(create(definition, all, service(nodePort, 'second')), /failed to allocate a nodePort: range is full/);
  await fails();
  await (all.context.runtime.clock as VirtualClock).advance(10 * 60_000);
  await create(definition, all, service(nodePort, 'second'));
  await definition.afterDelete!(first, all.context, all.operations);
  all.stored.delete('Service/default/web');
  const third = await create(
    definition,
    all,
    service((s) => Object.assign(nodePort(s).ports[0], { nodePort: 30003 }), 'third'),
  );
  assert.equal(third.spec.ports[0].nodePort, 30003);
});

test('a dry run asks only whether a port is taken, and whether an address could be of the range', async () => {
  const [definition, all] = [definitionOf('Service', OPTIONS), world()];
  const first = await create(
    definition,
    all,
    service((s) => Object.assign(nodePort(s), { clusterIP: '10.0.0.5' })),
  );
  const context = { ...all.context, dryRun: true };
  const tried = (changes: (s: any) => void) => create(definition, { ...all, context, put: (object) => object }, service(changes, 'tried'));
  const far = await tried((s) => Object.assign(nodePort(s).ports[0], { nodePort: 70 }));
  assert.deepEqual([far.spec.clusterIP, far.spec.ports[0].nodePort], ['10.0.0.0', 70]);
  const taken = first.spec.ports[0].nodePort;
  await assert.rejects(
    tried((s) => Object.assign(nodePort(s).ports[0], { nodePort: taken })),
    /provided port is already allocated/,
  );
  assert.equal((await tried((s) => (s.spec.clusterIP = '10.0.0.5'))).spec.clusterIP, '10.0.0.5');
  await assert.rejects(
    tried((s) => (s.spec.clusterIP = '10.9.0.5')),
    /failed to allocate IP 10.9.0.5: the provided IP \(10.9.0.5\) is not in the valid range. The range of valid IPs is 10.0.0.0\/28/,
  );
});
