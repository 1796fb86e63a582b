// CPU per request of the API server in process, without sockets: node bench/server.ts [FILE for the SQLite store]
import type { ApiRequest } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { memoryStore, sqliteStore } from '@tiphys/storage';

const file = process.argv[2];
const store = file ? sqliteStore(file) : memoryStore();
await using server = createApiServer({ runtime: realRuntime(), store, definitions: builtinDefinitions() });
await server.ready;

const PODS = '/api/v1/namespaces/default/pods';
const COUNT = 5000;
const PARALLEL = 16;
const user = { name: 'bench', groups: ['system:masters'] };
const headers = { 'content-type': 'application/json', 'user-agent': 'bench/1' };
const bytes = (value: object) => Buffer.from(JSON.stringify(value));
const container = { name: 'web', image: 'nginx', ports: [{ containerPort: 80 }], resources: { requests: { cpu: '100m', memory: '64Mi' } } };
const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'web' } },
  spec: { containers: [container] },
});

async function ask(request: Omit<ApiRequest, 'user' | 'headers'> & { type?: string }): Promise<void> {
  const { type, ...rest } = request;
  const response = await server.handle({ ...rest, user, headers: type ? { ...headers, 'content-type': type } : headers });
  if (response.status >= 300) throw new Error(JSON.stringify(response.body.kind === 'object' ? response.body.object : response.status));
}

/** Two rounds, so that the second is measured on compiled code. */
async function measure(name: string, one: (i: number) => Promise<void>): Promise<void> {
  for (const round of [0, 1]) {
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    for (let i = 0; i < COUNT; i += PARALLEL) {
      await Promise.all(Array.from({ length: Math.min(PARALLEL, COUNT - i) }, (_, j) => one(round * COUNT + i + j)));
    }
    const { user: inUser, system } = process.cpuUsage(cpu);
    const wallUs = ((performance.now() - startMs) / COUNT) * 1000;
    if (round === 1)
      console.log(`${name.padEnd(16)} ${wallUs.toFixed(1).padStart(8)} µs  ${((inUser + system) / COUNT).toFixed(1).padStart(8)} µs CPU`);
  }
}

console.log(`${COUNT} requests each, ${PARALLEL} at a time, ${file ? 'SQLite' : 'memory'}`);
await measure('create', (i) => ask({ method: 'POST', url: PODS, body: bytes(pod(`p${i}`)) }));
await measure('get', (i) => ask({ method: 'GET', url: `${PODS}/p${i}` }));
await measure('status patch', (i) =>
  ask({
    method: 'PATCH',
    url: `${PODS}/p${i}/status`,
    type: 'application/strategic-merge-patch+json',
    body: bytes({ status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }),
  }),
);
await measure('apply', (i) =>
  ask({
    method: 'PATCH',
    url: `${PODS}/p${i}?fieldManager=bench&force=true`,
    type: 'application/apply-patch+yaml',
    body: bytes({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${i}`, labels: { applied: String(i) } } }),
  }),
);
await measure('delete', (i) => ask({ method: 'DELETE', url: `${PODS}/p${i}?gracePeriodSeconds=0` }));
console.log(`resident ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`);
