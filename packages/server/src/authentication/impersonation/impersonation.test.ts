import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, UserInfo } from '@tiphys/machinery';
import type { AuthorizationAttributes } from '../../interfaces.ts';
import { impersonator } from './impersonation.ts';

const CALLER: UserInfo = { name: 'boss', groups: [] };
const POD = '/api/v1/namespaces/ns/pods/web';

const textOf = ({ verb, apiGroup, resource, subresource, namespace, name }: AuthorizationAttributes) =>
  `${verb} ${[resource, subresource, namespace, name].filter(Boolean).join('/')}${apiGroup ? ` ${apiGroup}` : ''}`;

/** An authorizer that allows what is listed; by default everything of the old verb. */
function world(allows: (question: string) => boolean = (question) => question.startsWith('impersonate ')) {
  const asked: string[] = [];
  const { impersonated } = impersonator({
    authorize(attributes) {
      asked.push(textOf(attributes));
      return { decision: allows(textOf(attributes)) ? 'allow' : 'noOpinion', reason: '' };
    },
  });
  const as = (headers: Record<string, string>, caller = CALLER, url = POD) =>
    impersonated({ method: 'GET', url, headers } as ApiRequest, caller);
  return { asked, as };
}

test('the old verb asks for each part and gives the whole', async () => {
  const { as, asked } = world();
  assert.equal(await as({}), undefined);
  const headers = {
    'impersonate-user': 'system:serviceaccount:ns:robot',
    'impersonate-group': 'a, b',
    'impersonate-uid': 'u1',
    'impersonate-extra-acme.com%2fproject': 'x',
  };
  assert.deepEqual(await as(headers), {
    user: {
      name: 'system:serviceaccount:ns:robot',
      uid: 'u1',
      groups: ['a', 'b', 'system:authenticated'],
      extra: { 'acme.com/project': ['x'] },
    },
  });
  assert.deepEqual(asked, [
    'impersonate serviceaccounts/ns/robot',
    'impersonate uids/u1 authentication.k8s.io',
    'impersonate groups/a',
    'impersonate groups/b',
    'impersonate userextras/acme.com/project/x authentication.k8s.io',
  ]);
});

test('who nobody is known to be gets the groups of its kind', async () => {
  const { as } = world();
  const groupsOf = async (name: string) => (await as({ 'impersonate-user': name }))?.user.groups;
  assert.deepEqual(await groupsOf('system:serviceaccount:ns:robot'), [
    'system:serviceaccounts',
    'system:serviceaccounts:ns',
    'system:authenticated',
  ]);
  assert.deepEqual(await groupsOf('system:anonymous'), ['system:unauthenticated']);
  assert.deepEqual(await groupsOf('ann'), ['system:authenticated']);
});

test('parts without a name are a bad request, told as upstream does', async () => {
  const { as } = world();
  await assert.rejects(as({ 'impersonate-group': 'a' }), {
    code: 400,
    message:
      'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"a"}, Extra:map[string][]string(nil)} without impersonating a user name',
  });
});

test('a constrained right is for a verb on a kind of thing as well as for a user', async () => {
  const rights = ['impersonate-on:user-info:get pods/ns/web', 'impersonate:user-info users/ann authentication.k8s.io'];
  const { as } = world((question) => rights.includes(question));
  assert.deepEqual(await as({ 'impersonate-user': 'ann' }), {
    user: { name: 'ann', groups: ['system:authenticated'] },
    constraint: 'impersonate:user-info',
  });
  await assert.rejects(as({ 'impersonate-user': 'ann' }, CALLER, '/api/v1/namespaces/ns/pods'), {
    code: 403,
    message: 'pods is forbidden: User "boss" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "ns"',
  });
  await assert.rejects(as({ 'impersonate-user': 'bob' }), {
    code: 403,
    message:
      'users.authentication.k8s.io "bob" is forbidden: User "boss" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope',
  });
});

test('constrained rights never reach system:masters, and service accounts and nodes only by name', async () => {
  const { as } = world((question) => !question.startsWith('impersonate '));
  await assert.rejects(
    as({ 'impersonate-user': 'ann', 'impersonate-group': 'system:masters' }),
    /impersonating the system:masters group is not allowed/,
  );
  await assert.rejects(
    as({ 'impersonate-user': 'ann', 'impersonate-extra-project': 'x' }),
    /impersonating an invalid key in extra is not allowed/,
  );
  await assert.rejects(as({ 'impersonate-user': 'system:serviceaccount:ns:robot', 'impersonate-group': 'a' }), { code: 403 });
  assert.equal((await as({ 'impersonate-user': 'system:serviceaccount:ns:robot' }))?.constraint, 'impersonate:serviceaccount');
  assert.deepEqual(await as({ 'impersonate-user': 'system:node:n1' }), {
    user: { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
    constraint: 'impersonate:arbitrary-node',
  });
});

test('a service account may be let act as the node its pod runs on, and no other', async () => {
  const rights = ['impersonate-on:associated-node:get pods/ns/web', 'impersonate:associated-node nodes/* authentication.k8s.io'];
  const { as } = world((question) => rights.includes(question));
  const agent = {
    name: 'system:serviceaccount:ns:agent',
    groups: [],
    extra: { 'authentication.kubernetes.io/node-name': ['n1'] },
  };
  assert.deepEqual(await as({ 'impersonate-user': 'system:node:n1' }, agent), {
    user: { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
    constraint: 'impersonate:associated-node',
  });
  await assert.rejects(as({ 'impersonate-user': 'system:node:n2' }, agent), { code: 403 });
  await assert.rejects(as({ 'impersonate-user': 'system:node:n1' }), { code: 403 });
});

test('the mode that worked last is asked first', async () => {
  const { as, asked } = world();
  await as({ 'impersonate-user': 'ann' });
  assert.deepEqual(asked.splice(0), ['impersonate-on:user-info:get pods/ns/web', 'impersonate users/ann']);
  await as({ 'impersonate-user': 'ann' });
  assert.deepEqual(asked, ['impersonate users/ann']);
});
