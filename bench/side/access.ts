// Who measures: a user whom RBAC lets do everything but remove namespaces, so that what was written is there to be compared
// afterwards, and whom priority and fairness lets pass, as it does with the admins that others measure as.
import { connect } from './connections.ts';

export const TOKEN = 'bench';

const name = 'bench';
const anything = { apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch', 'create', 'update', 'patch'] };
const removed = { apiGroups: ['*'], resources: ['pods', 'configmaps', 'leases'], verbs: ['delete', 'deletecollection'] };
const user = { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name };
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const metrics = { nonResourceURLs: ['/metrics'], verbs: ['get'] };
const role = { metadata: { name }, rules: [anything, removed, metrics] };
const binding = { metadata: { name }, subjects: [user], roleRef: { kind: 'ClusterRole', apiGroup: 'rbac.authorization.k8s.io', name } };
const every = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] };
const flow = {
  metadata: { name },
  spec: {
    matchingPrecedence: 2,
    priorityLevelConfiguration: { name: 'exempt' },
    rules: [
      {
        subjects: [{ kind: 'User', user: { name } }],
        resourceRules: [every],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      },
    ],
  },
};
const OBJECTS: readonly [path: string, object: object][] = [
  [`${RBAC}/clusterroles`, role],
  [`${RBAC}/clusterrolebindings`, binding],
  ['/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas', flow],
];
const ATTEMPTS_MAX = 200;
const INTERVAL_MS = 50;

/** Resolves when the user may. */
export async function grant(port: number, admin: string): Promise<void> {
  const asAdmin = connect({ port, token: admin });
  for (const [path, object] of OBJECTS) await asAdmin.send('POST', path, object);
  asAdmin.close();
  const asUser = connect({ port, token: TOKEN });
  for (let attempt = 0; ; attempt++) {
    const { status } = await asUser.request('GET', '/api/v1/namespaces?limit=1');
    if (status === 200) break;
    if (attempt === ATTEMPTS_MAX) throw new Error(`the measuring user is refused: ${status}`);
    await new Promise((settle) => setTimeout(settle, INTERVAL_MS));
  }
  asUser.close();
}
