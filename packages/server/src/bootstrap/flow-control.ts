// Upstream's default configuration of priority and fairness, v1.36 (apiserver pkg/apis/flowcontrol/bootstrap/default.go).
import type { flowcontrolv1 } from '@tiphys/api';

const everything = { apiGroups: ['*'], clusterScope: true, namespaces: ['*'], resources: ['*'], verbs: ['*'] };
const everyPath = { nonResourceURLs: ['*'], verbs: ['*'] };
const metadata = (name: string) => ({ name, annotations: { 'apf.kubernetes.io/autoupdate-spec': 'true' } });
const accounts = (...names: string[]): flowcontrolv1.Subject[] =>
  names.map((name) => ({ kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name } }));
const groups = (...names: string[]) => names.map((name) => ({ kind: 'Group', group: { name } }));
const users = (...names: string[]) => names.map((name) => ({ kind: 'User', user: { name } }));

export const PRIORITY_LEVELS: readonly flowcontrolv1.PriorityLevelConfiguration[] = [
  {
    metadata: metadata('catch-all'),
    spec: { limited: { lendablePercent: 0, limitResponse: { type: 'Reject' }, nominalConcurrencyShares: 5 }, type: 'Limited' },
  },
  { metadata: metadata('exempt'), spec: { exempt: { lendablePercent: 0, nominalConcurrencyShares: 0 }, type: 'Exempt' } },
  {
    metadata: metadata('global-default'),
    spec: {
      limited: {
        lendablePercent: 50,
        limitResponse: { queuing: { handSize: 6, queueLengthLimit: 50, queues: 128 }, type: 'Queue' },
        nominalConcurrencyShares: 20,
      },
      type: 'Limited',
    },
  },
  {
    metadata: metadata('leader-election'),
    spec: {
      limited: {
        lendablePercent: 0,
        limitResponse: { queuing: { handSize: 4, queueLengthLimit: 50, queues: 16 }, type: 'Queue' },
        nominalConcurrencyShares: 10,
      },
      type: 'Limited',
    },
  },
  {
    metadata: metadata('node-high'),
    spec: {
      limited: {
        lendablePercent: 25,
        limitResponse: { queuing: { handSize: 6, queueLengthLimit: 50, queues: 64 }, type: 'Queue' },
        nominalConcurrencyShares: 40,
      },
      type: 'Limited',
    },
  },
  {
    metadata: metadata('system'),
    spec: {
      limited: {
        lendablePercent: 33,
        limitResponse: { queuing: { handSize: 6, queueLengthLimit: 50, queues: 64 }, type: 'Queue' },
        nominalConcurrencyShares: 30,
      },
      type: 'Limited',
    },
  },
  {
    metadata: metadata('workload-high'),
    spec: {
      limited: {
        lendablePercent: 50,
        limitResponse: { queuing: { handSize: 6, queueLengthLimit: 50, queues: 128 }, type: 'Queue' },
        nominalConcurrencyShares: 40,
      },
      type: 'Limited',
    },
  },
  {
    metadata: metadata('workload-low'),
    spec: {
      limited: {
        lendablePercent: 90,
        limitResponse: { queuing: { handSize: 6, queueLengthLimit: 50, queues: 128 }, type: 'Queue' },
        nominalConcurrencyShares: 100,
      },
      type: 'Limited',
    },
  },
];

export const FLOW_SCHEMAS: readonly flowcontrolv1.FlowSchema[] = [
  {
    metadata: metadata('catch-all'),
    spec: {
      distinguisherMethod: { type: 'ByUser' },
      matchingPrecedence: 10000,
      priorityLevelConfiguration: { name: 'catch-all' },
      rules: [
        {
          subjects: [...groups('system:unauthenticated', 'system:authenticated')],
          nonResourceRules: [everyPath],
          resourceRules: [everything],
        },
      ],
    },
  },
  {
    metadata: metadata('exempt'),
    spec: {
      matchingPrecedence: 1,
      priorityLevelConfiguration: { name: 'exempt' },
      rules: [{ subjects: [...groups('system:masters')], nonResourceRules: [everyPath], resourceRules: [everything] }],
    },
  },
  {
    metadata: metadata('global-default'),
    spec: {
      distinguisherMethod: { type: 'ByUser' },
      matchingPrecedence: 9900,
      priorityLevelConfiguration: { name: 'global-default' },
      rules: [
        {
          subjects: [...groups('system:unauthenticated', 'system:authenticated')],
          nonResourceRules: [everyPath],
          resourceRules: [everything],
        },
      ],
    },
  },
  {
    metadata: metadata('kube-controller-manager'),
    spec: {
      distinguisherMethod: { type: 'ByNamespace' },
      matchingPrecedence: 800,
      priorityLevelConfiguration: { name: 'workload-high' },
      rules: [{ subjects: [...users('system:kube-controller-manager')], nonResourceRules: [everyPath], resourceRules: [everything] }],
    },
  },
  {
    metadata: metadata('kube-scheduler'),
    spec: {
      distinguisherMethod: { type: 'ByNamespace' },
      matchingPrecedence: 800,
      priorityLevelConfiguration: { name: 'workload-high' },
      rules: [{ subjects: [...users('system:kube-scheduler')], nonResourceRules: [everyPath], resourceRules: [everything] }],
    },
  },
  {
    metadata: metadata('kube-system-service-accounts'),
    spec: {
      distinguisherMethod: { type: 'ByNamespace' },
      matchingPrecedence: 900,
      priorityLevelConfiguration: { name: 'workload-high' },
      rules: [{ subjects: [...accounts('*')], nonResourceRules: [everyPath], resourceRules: [everything] }],
    },
  },
  {
    metadata: metadata('probes'),
    spec: {
      matchingPrecedence: 2,
      priorityLevelConfiguration: { name: 'exempt' },
      rules: [
        {
          subjects: [...groups('system:unauthenticated', 'system:authenticated')],
          nonResourceRules: [{ nonResourceURLs: ['/healthz', '/readyz', '/livez'], verbs: ['get'] }],
        },
      ],
    },
  },
  {
    metadata: metadata('service-accounts'),
    spec: {
      distinguisherMethod: { type: 'ByUser' },
      matchingPrecedence: 9000,
      priorityLevelConfiguration: { name: 'workload-low' },
      rules: [{ subjects: [...groups('system:serviceaccounts')], nonResourceRules: [everyPath], resourceRules: [everything] }],
    },
  },
  {
    metadata: metadata('system-leader-election'),
    spec: {
      distinguisherMethod: { type: 'ByUser' },
      matchingPrecedence: 100,
      priorityLevelConfiguration: { name: 'leader-election' },
      rules: [
        {
          subjects: [...users('system:kube-controller-manager', 'system:kube-scheduler'), ...accounts('*')],
          resourceRules: [
            { apiGroups: ['coordination.k8s.io'], namespaces: ['*'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
          ],
        },
      ],
    },
  },
  {
    metadata: metadata('system-node-high'),
    spec: {
      distinguisherMethod: { type: 'ByUser' },
      matchingPrecedence: 400,
      priorityLevelConfiguration: { name: 'node-high' },
      rules: [
        {
          subjects: [...groups('system:nodes')],
          resourceRules: [
            { apiGroups: [''], clusterScope: true, namespaces: ['*'], resources: ['nodes', 'nodes/status'], verbs: ['*'] },
            { apiGroups: ['coordination.k8s.io'], namespaces: ['*'], resources: ['leases'], verbs: ['*'] },
          ],
        },
      ],
    },
  },
  {
    metadata: metadata('system-nodes'),
    spec: {
      distinguisherMethod: { type: 'ByUser' },
      matchingPrecedence: 500,
      priorityLevelConfiguration: { name: 'system' },
      rules: [{ subjects: [...groups('system:nodes')], nonResourceRules: [everyPath], resourceRules: [everything] }],
    },
  },
];
