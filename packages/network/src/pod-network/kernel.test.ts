// The pod network in a namespace of its own: set up, used through the real CNI plugins, and removed without a trace.
import assert from 'node:assert/strict';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { kernelLab, skipWithoutRoot } from '../testing/kernel-lab.ts';
import { networkFacts, networkFindings, PLUGIN_DIRECTORIES } from './doctor.ts';
import { podTable } from './host-ports.ts';
import { preparePodNetwork, removePodNetwork } from './pod-network.ts';

async function pluginDirectory(): Promise<string | undefined> {
  for (const directory of PLUGIN_DIRECTORIES) {
    const found = await access(join(directory, 'bridge')).then(
      () => true,
      () => false,
    );
    if (found) return directory;
  }
  return undefined;
}

const plugins = await pluginDirectory();

test('the pod network in the kernel', { skip: skipWithoutRoot || (plugins ? false : 'needs the CNI plugins') }, async (t) => {
  await using lab = await kernelLab('tiphys-pods');
  const directory = await mkdtemp(join(tmpdir(), 'tiphys-pods-'));
  const options = { directory, podCidr: '10.245.0.0/24', clusterCidr: '10.245.0.0/16', run: lab.node };
  // Names only: links change their states by themselves.
  const state = async () => {
    const links = JSON.parse(await lab.node('ip', ['-json', 'link'])) as { ifname: string }[];
    return [...links.map((link) => link.ifname), await lab.node('nft', ['list', 'tables'])].join('\n');
  };
  const before = await state();
  await lab.node('sysctl', ['-qw', 'net.ipv4.ip_forward=0']);
  await lab.addPod('web', '10.244.0.5', [8080]);
  const withPod = await state();
  try {
    const network = await preparePodNetwork(options);
    await t.test('says what it changed, and repeats nothing', async () => {
      assert.equal(network.gateway, '10.245.0.1');
      assert.match(
        network.changes.join('\n'),
        /made the network bridge tiphys0 with 10.245.0.1\/24\nset net.ipv4.ip_forward=1 \(it was 0\)/,
      );
      assert.deepEqual((await preparePodNetwork(options)).changes, []);
    });
    await t.test('the bridge plugin accepts the configuration and the bridge', async () => {
      const list = JSON.parse(await readFile(network.configurationFile, 'utf8')) as { plugins: object[] };
      const input = JSON.stringify({ cniVersion: '1.0.0', name: 'tiphys', ...list.plugins[0] });
      const environment = (command: string) => [
        `CNI_COMMAND=${command}`,
        'CNI_CONTAINERID=test',
        `CNI_NETNS=/var/run/netns/tiphys-pods-web`,
        'CNI_IFNAME=eth1',
        `CNI_PATH=${plugins}`,
      ];
      const cni = (command: string) => lab.node('env', [...environment(command), join(plugins!, 'bridge')], { input });
      const result = JSON.parse(await cni('ADD')) as { ips: { address: string }[] };
      assert.equal(result.ips[0]!.address, '10.245.0.2/24');
      await cni('DEL');
    });
    await t.test('host ports lead to their pod, by the address of the node and by loopback', async () => {
      const ports = [
        { hostIp: '', protocol: 'tcp', hostPort: 4000, podIp: '10.244.0.5', containerPort: 8080 },
        { hostIp: '127.0.0.1', protocol: 'udp', hostPort: 4001, podIp: '10.244.0.5', containerPort: 8080 },
      ];
      const settings = { ...network, bridge: 'bridge0', podCidr: '10.244.0.0/24', clusterCidr: '10.244.0.0/16' };
      await lab.node('sysctl', ['-qw', 'net.ipv4.conf.bridge0.route_localnet=1']);
      await lab.node('nft', ['-f', '-'], { input: podTable(settings, ports) });
      assert.match(await lab.ask('node', '192.0.2.10', 4000), /^web /);
      assert.match(await lab.ask('node', '127.0.0.1', 4000), /^web 10.244.0.1/);
      assert.match(await lab.ask({ pod: 'web' }, '192.0.2.10', 4000), /^web /);
      assert.match(await lab.ask('node', '127.0.0.1', 4001, 'udp'), /^web /);
    });
  } finally {
    await removePodNetwork(options);
    await rm(directory, { recursive: true });
  }
  assert.equal(await state(), withPod, 'no link and no table is left');
  assert.notEqual(before, '', 'the machine had links to compare with');
  assert.equal((await lab.node('sysctl', ['-n', 'net.ipv4.ip_forward'])).trim(), '0');
  await removePodNetwork({ ...options, directory });
});

test('findings name what is missing and how to mend it', async () => {
  const facts = await networkFacts('tiphys0', '/var/lib/tiphys');
  const plan = { podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/12', bridge: 'tiphys0' };
  const bad = {
    ...facts,
    plugins: ['bridge'],
    forwardPolicy: 'drop',
    routes: [
      { destination: '10.100.1.0/24', device: 'vpn0' },
      { destination: '10.244.0.0/24', device: 'tiphys0' },
    ],
    settings: {},
  };
  const failed = networkFindings(bad, plan).filter((finding) => !finding.ok && finding.severity === 'fail' && finding.name !== 'root');
  const expected = ['cni-plugins', 'bridge-netfilter', 'forward-policy', 'addresses'];
  assert.deepEqual(
    failed.map((finding) => finding.name).filter((name) => expected.includes(name)),
    expected,
  );
  assert.ok(failed.every((finding) => finding.fix));
  assert.match(failed.find((finding) => finding.name === 'addresses')!.text, /10.100.1.0\/24 on vpn0$/);
});

test('what is wrong with a machine’s network is found on that machine', { skip: skipWithoutRoot }, async () => {
  await using lab = await kernelLab('tiphys-doctor');
  const owner = await mkdtemp(join(tmpdir(), 'tiphys-owner-'));
  const plan = { podCidr: '10.245.0.0/16', serviceCidr: '10.96.0.0/12', bridge: 'tiphys0' };
  const names = ['nftables', 'bridge', 'forwarding', 'forward-policy', 'addresses'];
  const troubles = async () => {
    const findings = networkFindings(await networkFacts('tiphys0', '/var/lib/tiphys', lab.node), plan);
    return findings.filter(({ name, ok }) => !ok && names.includes(name)).map(({ name, text }) => `${name}: ${text}`);
  };
  try {
    await lab.node('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    assert.deepEqual(await troubles(), []);
    await lab.node('sysctl', ['-qw', 'net.ipv4.ip_forward=0']);
    await lab.node('nft', ['add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }']);
    await lab.node('ip', ['link', 'add', 'tiphys0', 'type', 'bridge']);
    await lab.node('ip', ['link', 'set', 'dev', 'tiphys0', 'alias', `tiphys: ${owner}`]);
    await lab.node('ip', ['link', 'add', 'vpn0', 'type', 'bridge']);
    await lab.node('ip', ['address', 'add', '10.100.1.1/24', 'dev', 'vpn0']);
    await lab.node('ip', ['link', 'set', 'vpn0', 'up']);
    assert.deepEqual(await troubles(), [
      `bridge: the network bridge tiphys0 belongs to the cluster in ${owner}`,
      'forwarding: packets are not forwarded yet; `tiphys up` turns it on',
      'forward-policy: the firewall drops forwarded packets (Docker sets it up so)',
      'addresses: routes overlap the addresses of pods or services: 10.100.1.0/24 on vpn0',
    ]);
  } finally {
    await rm(owner, { recursive: true });
  }
});
