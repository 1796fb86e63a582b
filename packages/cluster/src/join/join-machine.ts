// joinMachine(): this machine becomes a node of a cluster whose server is on another (kubeadm join with TLS bootstrap, then what
// `tiphys up` does for its own node).
import { hostname } from 'node:os';
import { corev1 } from '@tiphys/api';
import { type Client, type CredentialSource, waitFor } from '@tiphys/client';
import { isAlreadyExists, isNotFound } from '@tiphys/machinery';
import { type Logger, type Runtime, realClock, realRandom, silentLogger, type Timer } from '@tiphys/runtime';
import type { KeyFiles } from '../certificates/cluster-keys.ts';
import { RENEWAL_INTERVAL_MS } from '../certificates/renewal.ts';
import type { KeyedCertificate } from '../certificates/x509.ts';
import { ConfigurationError, completeConfiguration } from '../configuration.ts';
import { type DataFolder, folderKeyFiles, markRunning, openDataFolder, runningOn, unmarkRunning } from '../data-folder.ts';
import { addressOfNode, type NodeConfiguration, prepareNetwork, type RealNode, startRealNode } from '../nodes/real-node.ts';
import { obstacles } from '../nodes/runtime-choice.ts';
import { hasRealNode, removeRealNode } from '../nodes/start-nodes.ts';
import { followServers } from './any-server.ts';
import { SHARED_CONFIGURATION, type SharedConfiguration } from './cluster-side.ts';
import { discoverAuthority } from './discovery.ts';
import { keepMembership, type Membership, readMembership, refuseCluster } from './joined-folder.ts';
import { isGood, keptNodeCertificate, requestCertificate, type WantedCertificate } from './node-certificate.ts';
import { connectToAny, localAddress, serverUrl, withToken } from './server-connection.ts';
import { parseToken } from './token.ts';

export interface JoinOptions {
  directory: string;
  /** Such as https://192.0.2.1:6443; both are needed the first time only. */
  server?: string;
  token?: string;
  /** sha256:… of the cluster's authority. Without it the token's signature alone vouches for it. */
  authorityHash?: string;
  /** Default: the machine's host name in lower case. */
  nodeName?: string;
  /** Default: the local address of the way to the server. */
  nodeAddress?: string;
  kubeletPort?: number;
  evictionHard?: string;
  registryConfigurationDirectory?: string;
  log?: Logger;
  onStep?(text: string): void;
  onDone?(text: string): void;
}

export interface JoinedMachine {
  nodeName: string;
  server: string;
  close(options?: { containers?: 'end' | 'release' }): Promise<void>;
}

const CLIENT_FILE = 'kubelet-client';
const SERVING_FILE = 'kubelet-server';
const RANGE_MS_MAX = 60_000;

interface Place {
  folder: DataFolder;
  files: KeyFiles;
  runtime: Runtime;
}

const clientCertificate = (nodeName: string): WantedCertificate => ({
  file: CLIENT_FILE,
  nodeName,
  signer: 'kubernetes.io/kube-apiserver-client-kubelet',
});

/** A second machine of one name would be taken for the first. */
async function refuseTakenName(client: Client, nodeName: string): Promise<void> {
  const node = await client
    .of(corev1.nodes)
    .get(nodeName)
    .catch((error) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  if (node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
    throw new ConfigurationError(`a node with the name ${nodeName} is in the cluster and ready. Choose another name with --node-name`);
}

/** With the token: learns whom to trust and gets the node's certificate. */
async function becomeMember(options: JoinOptions, { folder, files, runtime }: Place): Promise<Membership> {
  const { onStep = () => undefined } = options;
  if (!options.server || !options.token)
    throw new ConfigurationError(
      `${folder.path} has not joined a cluster yet: tell its server and a token. tiphys token create, on the server's machine, prints the whole command`,
    );
  const token = parseToken(options.token);
  const url = serverUrl(options.server);
  const nodeName = options.nodeName ?? hostname().toLowerCase();
  onStep(`Asking ${url} who it is`);
  const authority = await discoverAuthority(url, token, options.authorityHash, runtime);
  onStep(`Requesting a certificate for the node ${nodeName}`);
  await withToken({ url, authority }, token, runtime, async (client) => {
    await refuseTakenName(client, nodeName);
    await requestCertificate(client, runtime, files, clientCertificate(nodeName));
  });
  const { nodeAddress } = options;
  const membership: Membership = { server: url, nodeName, authority, ...(nodeAddress ? { nodeAddress } : {}) };
  keepMembership(folder, membership);
  return membership;
}

/** What was told before holds, but for what is told anew. */
function goOn(kept: Membership, { server, nodeName, nodeAddress }: JoinOptions, { folder }: Place): Membership {
  if (nodeName !== undefined && nodeName !== kept.nodeName)
    throw new ConfigurationError(`${folder.path} is that of the node ${kept.nodeName}. To join under another name, first: tiphys down`);
  // The authority stays: a server of another cluster is not believed.
  const told: Membership = { ...kept, ...(server ? { server: serverUrl(server) } : {}), ...(nodeAddress ? { nodeAddress } : {}) };
  keepMembership(folder, told);
  return told;
}

interface NodeIdentity extends CredentialSource {
  /** Looks whether the certificate is about to end, and gets another. */
  renew(client: Client): Promise<void>;
}

function nodeIdentity({ files, runtime }: Place, { nodeName, authority }: Membership): NodeIdentity {
  const wanted = clientCertificate(nodeName);
  const kept = keptNodeCertificate(files, wanted);
  if (!kept) throw new ConfigurationError('the certificate of the node is missing. Remove the data folder and join with a new token');
  let current: KeyedCertificate = kept;
  return {
    current: async () => ({ certificate: { certificate: current.certificatePem, key: current.privateKeyPem } }),
    renew: async (client) => {
      if (isGood(current, authority, runtime.clock.now())) return;
      current = await requestCertificate(client, runtime, files, wanted);
      runtime.log.info('renewed the certificate of the node');
    },
  };
}

/** Again and again, as long as the machine is a node. Returns a stop function. */
function keepFresh({ clock, log }: Runtime, work: () => Promise<void>): () => void {
  let timer: Timer;
  const again = () => {
    timer = clock.after(
      RENEWAL_INTERVAL_MS,
      () =>
        void work()
          .catch((error) => log.error('the certificate of the node could not be renewed', error))
          .finally(again),
    );
  };
  again();
  return () => timer.cancel();
}

async function sharedConfiguration(client: Client): Promise<SharedConfiguration> {
  const { name, namespace } = SHARED_CONFIGURATION;
  const { data = {} } = await client.of(corev1.configmaps).get(name, namespace);
  const { podCidr, serviceCidr, clusterDomain } = completeConfiguration(data);
  return { podCidr, serviceCidr, clusterDomain };
}

/** The node's part of the pod range, which its cluster gives it when it has registered. */
async function ownRange(client: Client, nodeName: string, { clock }: Runtime): Promise<string> {
  const created: corev1.Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName } },
  };
  await client
    .of(corev1.nodes)
    .create(created)
    .catch((error) => {
      if (!isAlreadyExists(error)) throw error;
    });
  const informer = client.informer(corev1.nodes, { fieldSelector: `metadata.name=${nodeName}` });
  const found = await waitFor(informer, nodeName, (node) => Boolean(node?.spec?.podCIDR), { clock, timeoutMs: RANGE_MS_MAX }).catch(
    (cause) => {
      throw new ConfigurationError(`the cluster gave the node ${nodeName} no part of its pod range: it may be used up`, { cause });
    },
  );
  return found!.spec!.podCIDR!;
}

async function servingCertificate(client: Client, { files, runtime }: Place, { nodeName, authority }: Membership, address: string) {
  const wanted: WantedCertificate = { file: SERVING_FILE, nodeName, signer: 'kubernetes.io/kubelet-serving', hosts: [address] };
  const kept = keptNodeCertificate(files, wanted);
  if (kept && isGood(kept, authority, runtime.clock.now(), [address])) return kept;
  return requestCertificate(client, runtime, files, wanted);
}

async function startJoined(options: JoinOptions, place: Place, membership: Membership, client: Client): Promise<RealNode> {
  const { runtime, folder } = place;
  const { onStep = () => undefined } = options;
  const { nodeName, server } = membership;
  const shared = await sharedConfiguration(client);
  onStep('Waiting for a part of the pod range');
  const nodeCidr = await ownRange(client, nodeName, runtime);
  // The Node was deleted meanwhile and has another range now: what has addresses of the old one goes.
  if (membership.nodeCidr !== undefined && membership.nodeCidr !== nodeCidr) await removeRealNode(shared, folder.nodeFolder);
  keepMembership(folder, { ...membership, nodeCidr });
  const { kubeletPort, evictionHard, registryConfigurationDirectory } = completeConfiguration({
    ...(options.kubeletPort === undefined ? {} : { kubeletPort: options.kubeletPort }),
    ...(options.evictionHard === undefined ? {} : { evictionHard: options.evictionHard }),
    ...(options.registryConfigurationDirectory ? { registryConfigurationDirectory: options.registryConfigurationDirectory } : {}),
  });
  const configuration: NodeConfiguration = {
    ...shared,
    nodeName,
    kubeletPort,
    ...(evictionHard === undefined ? {} : { evictionHard }),
    ...(registryConfigurationDirectory ? { registryConfigurationDirectory } : {}),
  };
  const serving = await servingCertificate(client, place, membership, addressOfNode(nodeCidr));
  const machineAddress = membership.nodeAddress ?? (await localAddress(server));
  const network = await prepareNetwork(configuration, folder.nodeFolder, nodeCidr);
  for (const change of network.changes) runtime.log.info('changed on this machine', { what: change });
  const authorityPem = membership.authority;
  return startRealNode(
    {
      configuration,
      runtime,
      directory: folder.nodeFolder,
      nodeCidr,
      serving,
      authorityPem,
      client,
      proxyClient: client,
      machineAddress,
      onStep,
    },
    network,
  );
}

/** Resolves when the node is registered and works. After an error nothing of it runs. */
export async function joinMachine(options: JoinOptions): Promise<JoinedMachine> {
  const problems = obstacles();
  if (problems.length > 0) throw new ConfigurationError(`this machine can't run containers: ${problems.join('; ')}`);
  const folder = openDataFolder(options.directory);
  refuseCluster(folder);
  const running = runningOn(folder);
  if (running) throw new ConfigurationError(`a node already runs on ${folder.path} (process ${running.pid})`);
  const runtime: Runtime = { clock: realClock(), random: realRandom(), log: options.log ?? silentLogger };
  const place: Place = { folder, files: folderKeyFiles(folder), runtime };
  const kept = readMembership(folder);
  const membership = kept ? goOn(kept, options, place) : await becomeMember(options, place);
  const { server, nodeName } = membership;
  markRunning(folder, server, 'containerd');
  const identity = nodeIdentity(place, membership);
  const { client, servers } = connectToAny({ url: server, authority: membership.authority }, membership.servers ?? [], runtime, identity);
  const network = { podCidr: completeConfiguration({}).podCidr };
  const wasThere = await hasRealNode(network, folder.nodeFolder);
  let node: RealNode | undefined;
  let stopRenewal = () => {};
  let stopFollowing = () => {};
  const close: JoinedMachine['close'] = async ({ containers = 'end' } = {}) => {
    stopFollowing();
    stopRenewal();
    await node?.stop();
    await client.close();
    if (containers === 'end') await removeRealNode(network, folder.nodeFolder);
    unmarkRunning(folder);
  };
  try {
    await identity.renew(client);
    node = await startJoined(options, place, membership, client);
    stopRenewal = keepFresh(runtime, () => identity.renew(client));
    stopFollowing = followServers(client, (urls) => {
      servers.learn(urls);
      keepMembership(folder, { ...readMembership(folder)!, servers: urls });
    });
    options.onDone?.(`The node ${nodeName} is in the cluster of ${server}`);
    return { nodeName, server, close };
  } catch (error) {
    // Containers of a node that was killed run on for a start that succeeds.
    await close({ containers: wasThere ? 'release' : 'end' }).catch((cause) => runtime.log.error('cleaning up failed', cause));
    throw error;
  }
}
