import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserInfo } from '@tiphys/machinery';
import type { AuthorizationAttributes } from '../interfaces.ts';
import { testServer } from './testing.ts';

const CLAIMS = '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims';
const DEVICE = { driver: 'd.example.com', pool: 'p', device: 'a' };
const ALLOCATION = {
  devices: { results: [{ ...DEVICE, request: 'r' }] },
  nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }] },
};
const driverOn = (...nodes: string[]): UserInfo => ({
  name: 'system:serviceaccount:kube-system:driver',
  groups: [],
  extra: { 'authentication.kubernetes.io/node-name': nodes },
});

/** A server whose authorizer grants `lines` such as `driver default d.example.com patch` besides everything that is no made-up subresource. */
async function claimServer() {
  const granted = new Set<string>();
  const lineOf = ({ subresource, namespace, name, verb }: AuthorizationAttributes) => [subresource, namespace, name, verb].join(' ');
  const server = await testServer({
    authorizer: {
      authorize: (asked) =>
        !['binding', 'driver'].includes(asked.subresource) || granted.has(lineOf(asked))
          ? { decision: 'allow', reason: '' }
          : { decision: 'noOpinion', reason: '', ...(granted.size > 0 ? {} : { error: 'no roles' }) },
    },
  });
  await server.ask('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  const requests = [{ name: 'r', exactly: { deviceClassName: 'x', allocationMode: 'All' } }];
  const claim = { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata: { name: 'c' }, spec: { devices: { requests } } };
  await server.ask('POST', CLAIMS, claim);
  const write = async (user: UserInfo, status: object) => {
    const headers = { 'content-type': 'application/merge-patch+json' };
    const { body } = await server.server.handle({ method: 'PATCH', url: `${CLAIMS}/c/status`, headers, user, body: { status } });
    const { details, status: outcome } = (body as any).object;
    return outcome === 'Failure' ? details.causes.map((cause: any) => `${cause.field}: ${cause.message}`) : [];
  };
  return { granted, write, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

test('a status that allocates needs the right to bind, told among the other faults', async () => {
  await using server = await claimServer();
  const user = { name: 'alice', groups: [] };
  const why = (end: string) =>
    'status.allocation: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="patch" ' +
    `permission: resourceclaims.resource.k8s.io is forbidden: User "alice" cannot patch resource "resourceclaims/binding" in API group "resource.k8s.io" at the cluster scope${end}`;
  const reserved = [{ resource: '', name: 'x', uid: 'u' }];
  assert.deepEqual(await server.write(user, { allocation: ALLOCATION, reservedFor: reserved }), [
    why(': no roles'),
    'status.reservedFor[0].resource: Required value',
  ]);
  server.granted.add('binding default c patch');
  assert.deepEqual(await server.write(user, { allocation: ALLOCATION }), [why('')], 'the claim’s own name and namespace are not asked for');
  server.granted.add('binding   patch');
  assert.deepEqual(await server.write(user, { allocation: ALLOCATION }), []);
});

test('a driver tells of its devices where its pod is; others need the right for any node', async () => {
  await using server = await claimServer();
  server.granted.add('binding   patch');
  await server.write({ name: 'scheduler', groups: [] }, { allocation: ALLOCATION });
  server.granted.add('driver default d.example.com associated-node:patch');
  const refused = (verbs: string) => [
    `status.devices: Forbidden: changing status.devices requires resource="resourceclaims/driver", verb="[${verbs}]" permission: ` +
      `resourceclaims.resource.k8s.io "d.example.com" is forbidden: User "${driverOn().name}" cannot ${verbs.split(' ')[0]} resource ` +
      '"resourceclaims/driver" in API group "resource.k8s.io" in the namespace "default"',
  ];
  const [told, otherwise] = [{ devices: [DEVICE] }, { devices: [{ ...DEVICE, data: { a: 1 } }] }];
  for (const nodes of [[], ['n2'], ['n1', 'n1']])
    assert.deepEqual(await server.write(driverOn(...nodes), told), refused('arbitrary-node:patch'));
  assert.deepEqual(await server.write(driverOn('n1'), told), []);
  server.granted.delete('driver default d.example.com associated-node:patch');
  assert.deepEqual(await server.write(driverOn('n1'), otherwise), refused('associated-node:patch arbitrary-node:patch'));
  server.granted.add('driver default d.example.com arbitrary-node:patch');
  assert.deepEqual(await server.write(driverOn('n1'), otherwise), []);
  assert.deepEqual(await server.write(driverOn(), told), []);
});
