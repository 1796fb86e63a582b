// Machines with upstream's node: kubelet, which joins by TLS bootstrap as kubeadm's do, kube-proxy, containerd 2 with the CNI bridge
// plugin, and CoreDNS on the first. Each machine has its own folder, pod range and part of the cgroups.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrapKubeconfig, kubeconfigAs } from './kubeconfigs.ts';
import type { Machine } from './lab.ts';
import { withApproval } from './own-nodes.ts';
import { CLUSTER_DOMAIN, type Invitation, kubectlOf, type Parts, POD_CIDR, type Server } from './parts.ts';
import { run, runOn, until } from './run.ts';
import { type NodeFolder, nodeFolder, removeNode } from './upstream-node-folder.ts';

const CNI_PROGRAMS = '/usr/lib/cni';
const PAUSE = 'registry.k8s.io/pause:3.10.2';
const DNS_ADDRESS = '10.96.0.10';

const containerdConfiguration = ({ path, state, socket }: NodeFolder, registries: string) => `version = 3
root = '${path}/containerd'
state = '${state}'
[grpc]
address = '${socket}'
[plugins.'io.containerd.internal.v1.opt']
path = '${path}/opt'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '${PAUSE}'
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = '${registries}'
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['${CNI_PROGRAMS}']
conf_dir = '${path}/cni'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
`;

const kubeletConfiguration = ({ path, socket, cgroup }: NodeFolder, authorityFile: string) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  containerRuntimeEndpoint: `unix://${socket}`,
  cgroupDriver: 'cgroupfs',
  cgroupRoot: cgroup,
  // Allowed, not asked for: the machine decides which version it has.
  failCgroupV1: false,
  failSwapOn: false,
  enforceNodeAllocatable: [],
  authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: authorityFile } },
  authorization: { mode: 'Webhook' },
  rotateCertificates: true,
  serverTLSBootstrap: true,
  clusterDNS: [DNS_ADDRESS],
  clusterDomain: CLUSTER_DOMAIN,
  evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  volumePluginDir: `${path}/volumeplugins`,
  // Two kubelets in one folder would take each other's logs for left behind.
  podLogsDir: `${path}/logs`,
});

const networkConfiguration = (podCidr: string, path: string) => ({
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'pods0',
      isGateway: true,
      hairpinMode: true,
      ipam: { type: 'host-local', ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }], dataDir: `${path}/ipam` },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});

async function startKubelet(parts: Parts, server: Server, invitation: Invitation, machine: Machine, folder: NodeFolder): Promise<void> {
  const { programs, registries, peers, stack } = parts;
  const { nodeName, address, words } = machine;
  const { path, socket } = folder;
  const of = (program: string) => ({ name: `${program}-${nodeName}`, words });
  writeFileSync(join(path, 'containerd.toml'), containerdConfiguration(folder, registries));
  writeFileSync(join(path, 'kubelet.json'), JSON.stringify(kubeletConfiguration(folder, server.authorityFile)));
  programs.start('containerd', ['-c', join(path, 'containerd.toml')], of('containerd'));
  const ctr = ['-a', socket, '-n', 'k8s.io'];
  await programs.until('containerd', of('containerd').name, () => run(join(peers, 'ctr'), [...ctr, 'version']).then(() => true));
  const kubelet = programs.start(
    'kubelet',
    [
      `--config=${join(path, 'kubelet.json')}`,
      `--bootstrap-kubeconfig=${bootstrapKubeconfig(parts, server, invitation, nodeName)}`,
      `--kubeconfig=${join(path, 'kubelet.kubeconfig')}`,
      `--cert-dir=${join(path, 'pki')}`,
      `--root-dir=${join(path, 'kubelet')}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${address}`,
    ],
    of('kubelet'),
  );
  // Before its containers are, which it would start again.
  stack.defer(() => void kubelet.kill('SIGKILL'));
  // The tables of connections belong to the whole machine.
  const untouched = ['max-per-core', 'min', 'tcp-timeout-established', 'tcp-timeout-close-wait'].map((name) => `--conntrack-${name}=0`);
  const kubeconfig = kubeconfigAs(parts, server, 'system:kube-proxy', invitation.server);
  const names = [`--kubeconfig=${kubeconfig}`, `--hostname-override=${nodeName}`];
  programs.start('kube-proxy', [...names, '--proxy-mode=nftables', `--cluster-cidr=${POD_CIDR}`, ...untouched], of('kube-proxy'));
}

/** When the cluster has given the node its part of the pod range: the network of its pods, and the ways to it from the others. */
async function connectPods(parts: Parts, server: Server, machine: Machine, { path }: NodeFolder): Promise<void> {
  const [program, ...words] = kubectlOf(parts, server);
  const get = [...words, 'get', 'node', machine.nodeName, '-o', 'jsonpath={.spec.podCIDR}'];
  const podCidr = await until(`the pod range of ${machine.nodeName}`, async () => (await run(program!, get)) || undefined);
  const file = join(path, 'cni', '10-pods.conflist');
  writeFileSync(file, JSON.stringify(networkConfiguration(podCidr, path)));
  await runOn(machine, 'sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  const others = parts.machines.filter((other) => other !== machine);
  for (const other of others) await runOn(other, 'ip', ['route', 'add', podCidr, 'via', machine.address]);
}

/** Of the cluster, at the first machine's address; the Service leads there. */
async function startDns(parts: Parts, server: Server): Promise<void> {
  const { programs, machines } = parts;
  const { address } = machines[0]!;
  const kubeconfig = `kubeconfig ${server.kubeconfig}\n pods insecure\n fallthrough in-addr.arpa ip6.arpa`;
  const zone = `kubernetes ${CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {\n ${kubeconfig}\n }`;
  programs.write('Corefile', `.:53 {\n bind ${address}\n errors\n ${zone}\n cache 30\n}\n`);
  programs.start('coredns', ['-conf', 'Corefile']);
  const [tcp, udp] = (['TCP', 'UDP'] as const).map((protocol) => ({ name: `dns-${protocol.toLowerCase()}`, port: 53, protocol }));
  const metadata = { name: 'kube-dns', namespace: 'kube-system' };
  const spec = { clusterIP: DNS_ADDRESS, ports: [tcp, udp] };
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { ...metadata, labels: { 'k8s-app': 'kube-dns' } }, spec };
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': metadata.name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [tcp, udp],
  };
  const [program, ...words] = kubectlOf(parts, server);
  await run(program!, [...words, 'apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [service, slice] }));
}

/** Resolves when all are ready, and have certificates to serve with. */
export async function startUpstreamNodes(parts: Parts, server: Server): Promise<void> {
  const { machines, scratch, peers, stack } = parts;
  const invitation = await server.invite();
  await withApproval(parts, server, async () => {
    for (const machine of machines) {
      const folder = nodeFolder(scratch, machine);
      for (const name of ['cni', 'pki', 'kubelet']) mkdirSync(join(folder.path, name), { recursive: true });
      stack.defer(() => removeNode(folder, peers));
      await startKubelet(parts, server, invitation, machine, folder);
      await connectPods(parts, server, machine, folder);
      const serving = join(folder.path, 'pki', 'kubelet-server-current.pem');
      await until(`the serving certificate of ${machine.nodeName}`, async () => existsSync(serving) || undefined);
    }
    await startDns(parts, server);
    const [program, ...words] = kubectlOf(parts, server);
    await run(program!, [...words, 'wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=120s']);
  });
}
