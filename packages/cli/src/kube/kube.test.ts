// The kubectl-like commands against a whole control plane in this process, over HTTPS. Expected texts are kubectl v1.36's.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { type Cluster, startCluster } from '@tiphys/cluster';
import { runProgram } from '../program.ts';
import { memoryTerminal } from '../testing/memory-terminal.ts';

let cluster: Cluster;
let folder = '';

before(async () => {
  cluster = await startCluster({ runtime: 'none' });
  folder = mkdtempSync(join(tmpdir(), 'tiphys-cli-'));
});
after(async () => {
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Words as a shell would give them; what needs blanks goes in as further arguments. */
async function tiphys(line: string, options: { stdin?: string; more?: string[] } = {}): Promise<Outcome> {
  const environment = { KUBECONFIG: cluster.kubeconfig };
  const terminal = memoryTerminal({ environment, workingFolder: folder, ...(options.stdin === undefined ? {} : { stdin: options.stdin }) });
  const code = await runProgram([...line.split(' '), ...(options.more ?? [])], terminal);
  return { code, out: terminal.output(), err: terminal.errors() };
}

const succeeds = async (line: string, out: string, options = {}) =>
  assert.deepEqual(await tiphys(line, options), { code: 0, out, err: '' });
const fails = async (line: string, err: string, options = {}) => assert.deepEqual(await tiphys(line, options), { code: 1, out: '', err });

const APP = `apiVersion: v1
kind: ConfigMap
metadata: {name: conf, labels: {app: web}}
data: {a: "1", b: "yes", c: "x: y", d: "two\\nlines\\n"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1", ports: [{containerPort: 80}]}]}
`;

test('apply creates, leaves alone, and changes; removed fields go', async () => {
  writeFileSync(join(folder, 'app.yaml'), APP);
  await succeeds('apply -f app.yaml', 'configmap/conf created\ndeployment.apps/web created\n');
  await succeeds('apply -f app.yaml', 'configmap/conf unchanged\ndeployment.apps/web unchanged\n');
  const changed = APP.replace('a: "1", ', '').replace('replicas: 2', 'replicas: 1');
  await succeeds('apply -f -', 'configmap/conf configured\ndeployment.apps/web configured\n', { stdin: changed });
  await succeeds('get cm conf -o jsonpath={.data.a}{.data.b}', 'yes');
  await succeeds('get deploy/web -o jsonpath={.spec.replicas}', '1');
});

test('dry runs change nothing and say so', async () => {
  await succeeds('apply --dry-run=server -f -', 'configmap/dry created (server dry run)\n', {
    stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dry}',
  });
  await succeeds('apply --dry-run -f -', 'configmap/dry created (dry run)\n', {
    stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dry}',
  });
  await fails('get cm dry', 'Error from server (NotFound): configmaps "dry" not found\n');
});

test('server-side apply tells whose the fields are', async () => {
  const map = (value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned}\ndata: {a: ${value}}`;
  await succeeds('apply --server-side --field-manager=one -f -', 'configmap/owned serverside-applied\n', { stdin: map('one') });
  const { code, err } = await tiphys('apply --server-side --field-manager=two -f -', { stdin: map('two') });
  assert.equal(code, 1);
  assert.match(err, /^error: Apply failed with 1 conflict: conflict with "one": \.data\.a\nPlease review the fields above/);
  await succeeds('apply --server-side --force-conflicts -f -', 'configmap/owned serverside-applied\n', { stdin: map('two') });
});

test('bad input is refused in the words of kubectl', async () => {
  await fails('apply -f nothing.yaml', 'error: the path "nothing.yaml" does not exist\n');
  await fails('apply -f -', 'error: no objects passed to apply\n', { stdin: '' });
  await fails(
    'apply -f -',
    'error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind "Bar" in version "foo/v1"\nensure CRDs are installed first\n',
    { stdin: 'apiVersion: foo/v1\nkind: Bar\nmetadata: {name: x}' },
  );
  await fails(
    'apply -f -',
    'Error from server (BadRequest): error when creating "STDIN": ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dataa"\n',
    { stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndataa: {a: b}' },
  );
  const broken = await tiphys('apply -f -', { stdin: 'a: b\n c: d' });
  assert.equal(broken.code, 1);
  assert.match(broken.err, /^error: error parsing STDIN: /);
});

test('get prints tables, names, templates and whole objects', async () => {
  const table = await tiphys('get deploy,cm -l app=web --no-headers');
  assert.match(table.out, /^deployment\.apps\/web +\d\/1 +\d +\d +\d+s\nconfigmap\/conf +3 +\d+s\n$/);
  await succeeds('get -o=name deploy,cm -l app=web', 'deployment.apps/web\nconfigmap/conf\n');
  await succeeds(
    'get deploy -o custom-columns=NAME:.metadata.name,NONE:.x.y,L:.metadata.labels',
    'NAME   NONE     L\nweb    <none>   map[app:web]\n',
  );
  const yaml = await tiphys('get cm/conf -o yaml');
  assert.match(yaml.out, /^apiVersion: v1\ndata:\n {2}b: "yes"\n {2}c: 'x: y'\n {2}d: \|\n {4}two\n {4}lines\nkind: ConfigMap\n/);
  const list = JSON.parse((await tiphys('get cm -l app=web -o json')).out);
  assert.deepEqual(
    [list.kind, list.items.length, list.items[0].kind, list.items[0].metadata.managedFields],
    ['List', 1, 'ConfigMap', undefined],
  );
  const sorted = await tiphys('get cm -A --sort-by=.metadata.name -o name');
  assert.match(sorted.out, /^configmap\/conf\n/);
});

test('get answers what is not there as kubectl does', async () => {
  assert.deepEqual(await tiphys('get pods -l app=none'), { code: 0, out: '', err: 'No resources found in default namespace.\n' });
  assert.deepEqual(await tiphys('get pv'), { code: 0, out: '', err: 'No resources found\n' });
  await fails('get nosuch', 'error: the server doesn\'t have a resource type "nosuch"\n');
  await succeeds('get pod x --ignore-not-found', '');
  await fails('get pod x -A', 'error: a resource cannot be retrieved by name across all namespaces\n');
  const both = await tiphys('get pod/x cm/conf -o name');
  assert.deepEqual(both, { code: 1, out: 'configmap/conf\n', err: 'Error from server (NotFound): pods "x" not found\n' });
  await fails('get pods --context nope', 'Error in configuration: context was not found for specified context: nope\n');
  assert.match((await tiphys('get pods --as bob')).err, /^Error from server \(Forbidden\): pods is forbidden: User "bob" cannot list/);
});

test('a watch prints what there is and each change, and ends with the object it was told of', async () => {
  const environment = { KUBECONFIG: cluster.kubeconfig };
  const terminal = memoryTerminal({ environment });
  const seen = Promise.withResolvers<void>();
  const watching: typeof terminal = {
    ...terminal,
    out: (text) => {
      terminal.out(text);
      if (text.includes('DELETED')) seen.resolve();
      else if (text.includes('EVENT')) void tiphys('delete cm watched').catch(seen.reject);
    },
  };
  await tiphys('apply -f -', { stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: watched}' });
  void runProgram(['get', 'cm', 'watched', '-w', '--output-watch-events'], watching);
  await seen.promise;
  assert.match(terminal.output(), /^EVENT +NAME +DATA +AGE\nADDED +watched +0 +\S+\nDELETED +watched +0 +\S+\n$/);
});

test('delete by name, selector and file, and waits until all is gone', async () => {
  await tiphys('apply -f -', {
    stdin: ['a', 'b', 'c'].map((name) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {x: z}}\n---\n`).join(''),
  });
  await succeeds('delete cm a --dry-run=client', 'configmap "a" deleted from default namespace (dry run)\n');
  await succeeds('delete cm/a', 'configmap "a" deleted from default namespace\n');
  await succeeds('delete cm -l x=z', 'configmap "b" deleted from default namespace\nconfigmap "c" deleted from default namespace\n');
  await succeeds('delete cm a --ignore-not-found', '');
  await fails('delete cm a', 'Error from server (NotFound): configmaps "a" not found\n');
  await fails('delete cm', 'error: resource(s) were provided, but no name was specified\n');
  writeFileSync(join(folder, 'gone.yaml'), 'apiVersion: v1\nkind: Namespace\nmetadata: {name: gone}');
  await tiphys('apply -f gone.yaml');
  await succeeds('delete -f gone.yaml', 'namespace "gone" deleted\n');
  await fails('get ns gone', 'Error from server (NotFound): namespaces "gone" not found\n');
});

test('wait looks for conditions, fields and ends', async () => {
  await succeeds('wait --for=jsonpath={.spec.replicas}=1 deploy/web', 'deployment.apps/web condition met\n');
  await succeeds('wait --for=delete cm/never', '');
  await fails('wait --for=condition=Never deploy/web --timeout=0s', 'error: timed out waiting for the condition on deployments/web\n');
  await fails('wait --for=nothing deploy/web', 'error: unrecognized condition: "nothing"\n');
});

test('describe shows fields, owners and events', async () => {
  const { code, out } = await tiphys('describe deploy web');
  assert.equal(code, 0);
  assert.match(out, /^Name: {19}web\nNamespace: {14}default\n/);
  assert.match(out, /Replicas: {15}1 desired \| /);
  assert.match(out, /\n {2}Containers:\n {3}web:\n {4}Image: {9}nginx:1\n/);
  assert.match(out, /NewReplicaSet: {3}web-\w+ \(1\/1 replicas created\)\nEvents:\n {2}Type /);
  await fails('describe deploy nope', 'Error from server (NotFound): deployments.apps "nope" not found\n');
});

test('logs, exec and port-forward say what is wrong', async () => {
  await fails('logs nope', 'error: error from server (NotFound): pods "nope" not found in namespace "default"\n');
  await fails('exec nope -- ls', 'Error from server (NotFound): pods "nope" not found\n');
  await fails('exec web', 'error: you must specify at least one command for the container\n');
  const pods = (await tiphys('get pods -l app=web -o name')).out.trim();
  await fails(`port-forward ${pods} 8080`, 'error: unable to forward port because pod is not running. Current status=Pending\n');
});

test('a server that is not there is said to be so', async () => {
  const text = (await tiphys('kubeconfig --help')).out;
  assert.match(text, /administrator's kubeconfig/);
  const path = join(folder, 'away');
  writeFileSync(
    path,
    'apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]\ncontexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n',
  );
  const { code, err } = await tiphys(`get pods --kubeconfig ${path}`);
  assert.equal(code, 1);
  assert.match(err, /^The connection to the server 127\.0\.0\.1:1 was refused - did you specify the right host or port\?\n/);
});

test('completion knows commands, flags, resource types and names', async () => {
  assert.match((await tiphys('__complete de')).out, /^describe\ndelete\n$/);
  assert.match((await tiphys('__complete get --sel')).out, /^--selector\n$/);
  assert.match((await tiphys('__complete get deploym')).out, /^deployments\n$/);
  assert.match((await tiphys('__complete get deploy w')).out, /^web\n$/);
  assert.match((await tiphys('__complete describe cm/con')).out, /^configmap\/conf\n|^cm\/conf\n$/);
});

test('explain-scheduling says for each node why, and what a pod waits for', async () => {
  const nodes = cluster.client.of(corev1.nodes);
  const allocatable = { cpu: '1', memory: '1Gi', pods: '10' };
  for (const [name, taints] of [
    ['small', []],
    ['tainted', [{ key: 'k', effect: 'NoSchedule' }]],
  ] as const)
    await nodes.create({ metadata: { name }, spec: { taints: [...taints] }, status: { allocatable } });
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu: '2' } } }];
  await cluster.client.of(corev1.pods).create({ metadata: { name: 'large', namespace: 'default' }, spec: { containers } });
  const small = 'small     no     -       NodeResourcesFit: Insufficient cpu\n';
  const tainted = 'tainted   no     -       TaintToleration: node(s) had untolerated taint(s); NodeResourcesFit: Insufficient cpu\n';
  await succeeds('explain-scheduling pod/large', `NODE      FITS   SCORE   REASON\n${small}${tainted}`);
  const gated = { containers: [{ name: 'c', image: 'i' }], schedulingGates: [{ name: 'later' }] };
  await cluster.client.of(corev1.pods).create({ metadata: { name: 'gated', namespace: 'default' }, spec: gated });
  const { out } = await tiphys('explain-scheduling gated -o wide');
  assert.match(out, /^pod\/gated is not tried: waiting for scheduling gates: \[later\] \(SchedulingGates\)\n/);
  assert.match(out, /small {5}yes {4}\d+ +.*NodeResourcesFit=\d+/);
  await fails('explain-scheduling nobody', 'Error from server (NotFound): pods "nobody" not found\n');
  await fails(
    'explain-scheduling large -o yaml',
    'error: unable to match a printer suitable for the output format "yaml", allowed formats are: json,wide\n',
  );
});
