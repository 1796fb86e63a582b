// Nodes, namespaces and pods of a case, made through the API of either side. Pods that are placed already are created with their
// node, so that no scheduler is needed to begin with.
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { type Case, HOSTNAME, REGION, ZONE } from './cases.ts';

const PARALLEL = 64;
const REGIONS = 3;
export const WAITING = 'waiting';

async function each(count: number, make: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await make(next++);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

async function addNode(client: Client, index: number): Promise<void> {
  const name = `node-${index}`;
  const capacity = { cpu: '4', memory: '32Gi', pods: '110' };
  const status = { capacity, allocatable: capacity, conditions: [{ type: 'Ready', status: 'True' }] } as corev1.NodeStatus;
  const labels = { [HOSTNAME]: name, [ZONE]: 'zone1', [REGION]: `moon-${index % REGIONS}` };
  const node = await client.of(corev1.nodes).create({ metadata: { name, labels }, status });
  // Admission marks new nodes as not ready; the node lifecycle controller, which is not here, would take that back.
  if (node.spec?.taints?.length) await client.of(corev1.nodes).patch(name, undefined, 'merge', { spec: { taints: null } });
}

async function addNamespace(client: Client, name: string): Promise<void> {
  await client.of(corev1.namespaces).create({ metadata: { name, labels: { team: 'devops' } } });
  await client.of(corev1.serviceaccounts).create({ metadata: { name: 'default', namespace: name } });
}

export async function fill(client: Client, nodes: number, { placed, namespaces, waiting, labels, spec, plainFirst }: Case): Promise<void> {
  const quantities = { cpu: '100m', memory: '500Mi' };
  const containers: corev1.Container[] = [
    {
      name: 'pause',
      image: 'registry.k8s.io/pause:3.10',
      ports: [{ containerPort: 80 }],
      resources: { limits: quantities, requests: quantities },
    },
  ];
  const pod = (name: string, namespace: string, own: Pick<Case, 'labels' | 'spec'>, nodeName?: string) =>
    client.of(corev1.pods).create({
      metadata: { name, namespace, labels: own.labels },
      spec: { containers, ...own.spec, ...(nodeName ? { nodeName } : {}) },
    });
  await each(nodes, (index) => addNode(client, index));
  await addNamespace(client, WAITING);
  await each(namespaces, (index) => addNamespace(client, `first-${index}`));
  const first = plainFirst ? { labels: {}, spec: {} } : { labels, spec };
  await each(placed, (index) => pod(`placed-${index}`, `first-${index % namespaces}`, first, `node-${index % nodes}`));
  await each(waiting, (index) => pod(`pod-${index}`, WAITING, { labels, spec }));
}
