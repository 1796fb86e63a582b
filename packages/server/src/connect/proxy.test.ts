// Where proxy requests go, and what happens to links on the way back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, discoveryv1, KubeObject, ResourceType } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';
import { seededRandom } from '@tiphys/runtime';
import { logQuery } from './pod-log.ts';
import { containerOf } from './pod-target.ts';
import { isProxyable, proxyTarget } from './proxy-target.ts';
import { rewriteHtml, rewriteUrl } from './rewrite.ts';
import { requestHead } from './upgrade.ts';

const context = { prefix: '/api/v1/namespaces/n/pods/p/proxy', backendHost: '10.0.0.1:80', requestHost: 'server:6443' };

test('URLs lead back through the proxy when they are of the same host', () => {
  const rewritten: Record<string, string> = {
    '/x': `${context.prefix}/x`,
    '/x/?q=1#f': `${context.prefix}/x/?q=1#f`,
    'x/y': 'x/y',
    '': '',
    '#top': '#top',
    'mailto:a@b': 'mailto:a@b',
    'http://10.0.0.1:80/x': `${context.prefix}/x`,
    'https://server:6443/x': `https://server:6443${context.prefix}/x`,
    'http://elsewhere/x': 'http://elsewhere/x',
    '//elsewhere/x': '//elsewhere/x',
    [`${context.prefix}/x`]: `${context.prefix}/x`,
  };
  for (const [from, to] of Object.entries(rewritten)) assert.equal(rewriteUrl(from, context), to, from);
});

test('pages keep everything but their links', () => {
  const html = (prefix: string) => `<!DOCTYPE html><!-- <a href="/c"> --><A HREF='${prefix}/a' title="/t">x</A>
<img src=${prefix}/i.png alt="a > b"/><script src="${prefix}/s.js">if (a < b) { x = '<a href="/no">' }</script><p data-x="/k">&amp;</p>`;
  assert.equal(rewriteHtml(html(''), context), html(context.prefix));
});

function readerOf(objects: Record<string, KubeObject[]>): ResourceReader {
  const all = <T extends KubeObject>(type: ResourceType<T>) => (objects[type.resource] ?? []) as T[];
  return {
    get: (type: ResourceType, name: string) => all(type).find((object) => object.metadata?.name === name),
    list: (type: ResourceType) => all(type),
    revisionOf: () => 0,
  } as unknown as ResourceReader;
}

const pod = (name: string, ip: string): corev1.Pod => ({
  metadata: { name, namespace: 'n' },
  spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 8080 }] }] },
  status: { podIP: ip, podIPs: [{ ip }] },
});
const service: corev1.Service = { metadata: { name: 's', namespace: 'n' }, spec: { ports: [{ name: 'http', port: 80 }] } };
const slice: discoveryv1.EndpointSlice = {
  metadata: { name: 's-1', namespace: 'n', labels: { 'kubernetes.io/service-name': 's' } },
  addressType: 'IPv4',
  endpoints: [
    { addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', name: 'p' } },
    { addresses: ['169.254.169.254'], targetRef: { kind: 'Pod', name: 'p' } },
    { addresses: ['10.0.0.9'] },
    { addresses: ['10.0.0.2'], conditions: { ready: false }, targetRef: { kind: 'Pod', name: 'q' } },
  ],
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
};
const node: corev1.Node = {
  metadata: { name: 'node-1' },
  status: { addresses: [{ type: 'InternalIP', address: '10.1.0.1' }], daemonEndpoints: { kubeletEndpoint: { Port: 10250 } } },
};
const READER = readerOf({
  pods: [pod('p', '10.0.0.1'), pod('q', '10.0.0.2'), pod('local', '127.0.0.1')],
  services: [service],
  endpointslices: [slice],
  nodes: [node, { ...node, metadata: { name: 'simulated-1', labels: { 'tiphys.dev/simulated': 'true' } } }],
});

function target(resource: string, id: string): string {
  try {
    const found = proxyTarget(READER, seededRandom(1), resource, 'n', id);
    return `${found.scheme}://${found.host}:${found.port}${found.kubelet ? ' kubelet' : ''}`;
  } catch (error) {
    return (error as Error).message;
  }
}

test('names, ports and schemes', () => {
  assert.equal(target('pods', 'p'), 'http://10.0.0.1:8080');
  assert.equal(target('pods', 'https:p:99'), 'https://10.0.0.1:99');
  assert.equal(target('pods', 'local'), 'address not allowed');
  assert.equal(target('pods', 'none'), 'pods "none" not found');
  assert.equal(target('pods', 'ftp:p:1'), 'invalid pod request "ftp:p:1"');
  for (let turn = 0; turn < 5; turn++) assert.equal(target('services', 's:http'), 'http://10.0.0.1:8080', 'only ready pods');
  assert.equal(target('services', 'https:s:80'), 'https://10.0.0.1:8080');
  assert.equal(target('services', 's:81'), 'no service port 81 found for service "s"');
  assert.equal(target('services', 's:other'), 'no endpoints available for service "s:other"');
  assert.equal(target('nodes', 'node-1'), 'https://10.1.0.1:10250 kubelet');
  assert.equal(target('nodes', 'node-1:10250'), 'https://10.1.0.1:10250 kubelet');
  assert.equal(
    target('nodes', 'simulated-1'),
    "node simulated-1 is simulated: its pods have no logs, run no commands and can't be reached",
  );
  assert.equal(target('nodes', 'http:node-1:9100'), 'http://10.1.0.1:9100');
});

test('addresses that nobody is led to', () => {
  for (const ip of ['127.0.0.1', '169.254.169.254', '224.0.0.1', '0.0.0.0', '::1', 'fe80::1', 'ff02::1', '']) {
    assert.equal(isProxyable(ip), false, ip);
  }
  for (const ip of ['10.0.0.1', '192.0.2.1', 'fd00::1']) assert.equal(isProxyable(ip), true, ip);
});

test('which container is meant', () => {
  const many = {
    ...pod('m', '10.0.0.3'),
    spec: { initContainers: [{ name: 'i' }], containers: [{ name: 'a' }, { name: 'b' }] },
  } as corev1.Pod;
  assert.equal(containerOf(pod('p', ''), ''), 'c');
  assert.equal(containerOf(many, 'i'), 'i');
  assert.throws(() => containerOf(many, ''), { message: 'a container name must be specified for pod m, choose one of: [i a b]' });
  assert.throws(() => containerOf(many, 'x'), { message: 'container x is not valid for pod m' });
});

test('what goes on to the node', () => {
  const query = new URLSearchParams('follow=true&previous=false&tailLines=5&container=c&pretty=1');
  assert.equal(logQuery(query).toString(), 'follow=true&tailLines=5&stream=All');
  const headers = { authorization: 'Bearer t', 'impersonate-user': 'x', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'a, b' };
  const head = requestHead({ method: 'POST', path: '/x', host: 'h:1', headers, forwardedFor: '1.2.3.4' });
  assert.deepEqual(head.trimEnd().split('\r\n'), [
    'POST /x HTTP/1.1',
    'Host: h:1',
    'upgrade: SPDY/3.1',
    'x-stream-protocol-version: a',
    'x-stream-protocol-version: b',
    'X-Forwarded-For: 1.2.3.4',
  ]);
});
