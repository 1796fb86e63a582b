// What a cluster can be told, its defaults (kubeadm's and kubelet's where they have one), and the file form for --config.
import { isIP } from 'node:net';
import { builtinGroupVersions, parseRuntimeConfig } from '@tiphys/registry';
import { endpointProblem } from '@tiphys/storage';
import { parse } from 'yaml';

export type NodeRuntime = 'auto' | 'containerd' | 'simulated' | 'none';

/** A part of the control plane: our own in this process, or left to a program beside it, such as upstream's. */
export type PartChoice = 'builtin' | 'none';

export interface ClusterConfiguration {
  /** Real containers, simulated nodes, or no node at all. `auto` takes containerd where root and the programs are there. */
  runtime: NodeRuntime;
  nodes: number;
  /** Address the API server listens on; default all addresses with containerd (pods must reach it), else loopback. */
  host?: string;
  /** 0 takes any free port. */
  port: number;
  kubeletPort: number;
  serviceCidr: string;
  podCidr: string;
  nodePortRange: string;
  clusterDomain: string;
  /** Alpha and beta versions of the API, and which are left out: kube-apiserver's --runtime-config, such as `api/beta=true,batch/v1=false`. */
  runtimeConfig?: string;
  /** Name of the first real node; default the machine's host name in lower case. */
  nodeName?: string;
  /** When pods have to go for the node's sake, as the kubelet's --eviction-hard says it; default upstream's. */
  evictionHard?: string;
  /** Folder with a `HOST/hosts.toml` for each registry that has a mirror or a certificate of its own: containerd's `config_path`. */
  registryConfigurationDirectory?: string;
  /** Endpoints of an etcd, with commas between them, such as `https://10.0.0.1:2379`; without them state is a file in the data folder. */
  etcd?: string;
  /** Where in etcd the keys lie: kube-apiserver's --etcd-prefix. */
  etcdPrefix: string;
  etcdAuthorityFile?: string;
  etcdCertificateFile?: string;
  etcdKeyFile?: string;
  etcdUser?: string;
  etcdPasswordFile?: string;
  /** Static tokens: kube-apiserver's --token-auth-file. */
  tokenFile?: string;
  /** An AuthenticationConfiguration: OpenID issuers, and who may go without credentials. Reread when it changes. */
  authenticationConfigFile?: string;
  /** A kubeconfig of the webhook that knows tokens: --authentication-token-webhook-config-file. */
  tokenWebhookConfigFile?: string;
  /** Of the TokenReviews it is sent, v1 or v1beta1; default v1beta1, as upstream. */
  tokenWebhookVersion?: string;
  /** An AuthorizationConfiguration: who is asked, in which order. Reread when it changes. */
  authorizationConfigFile?: string;
  /** An AdmissionConfiguration. */
  admissionControlConfigFile?: string;
  /** A Policy of audit.k8s.io: which requests are written down. */
  auditPolicyFile?: string;
  /** Where they are written, one line each; `-` is the standard output. The limits are kube-apiserver's --audit-log-*. */
  auditLogFile?: string;
  auditLogMegabytesMax?: number;
  auditLogBackupsMax?: number;
  auditLogDaysMax?: number;
  /** A kubeconfig of the webhook that is sent them. */
  auditWebhookConfigFile?: string;
  /** An EncryptionConfiguration: by which keys what is stored is encrypted. Reread when it changes. */
  encryptionProviderConfigFile?: string;
  /** Requests under way at once, which priority and fairness shares out: kube-apiserver's two flags of these names. */
  maxRequestsInflight: number;
  maxMutatingRequestsInflight: number;
  /** How long a server that is told to stop goes on with /readyz failing, so that load balancers notice: kube-apiserver's --shutdown-delay-duration. */
  shutdownDelaySeconds: number;
  /** Address at which pods and other machines reach this server; default the node's with containerd. */
  advertiseAddress?: string;
  /** Address at which other machines reach this one; default that of the interface that leads out. */
  machineAddress?: string;
  controllers: PartChoice;
  scheduler: PartChoice;
  /** A KubeSchedulerConfiguration. */
  schedulerConfigFile?: string;
}

export const DEFAULT_CONFIGURATION: ClusterConfiguration = {
  runtime: 'auto',
  nodes: 1,
  port: 6443,
  kubeletPort: 10250,
  serviceCidr: '10.96.0.0/12',
  podCidr: '10.244.0.0/16',
  nodePortRange: '30000-32767',
  clusterDomain: 'cluster.local',
  etcdPrefix: '/registry',
  maxRequestsInflight: 400,
  maxMutatingRequestsInflight: 200,
  shutdownDelaySeconds: 0,
  controllers: 'builtin',
  scheduler: 'builtin',
};

/** A /24 for each node, as the node IPAM controller's default mask. */
export const NODE_PREFIX_LENGTH = 24;

export const CONFIGURATION_API_VERSION = 'tiphys.dev/v1alpha1';
export const CONFIGURATION_KIND = 'ClusterConfiguration';

/** What a person wrote is wrong: shown as it is, without a stack. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
}

const TYPES: Record<keyof ClusterConfiguration, 'string' | 'number'> = {
  runtime: 'string',
  nodes: 'number',
  host: 'string',
  port: 'number',
  kubeletPort: 'number',
  serviceCidr: 'string',
  podCidr: 'string',
  nodePortRange: 'string',
  clusterDomain: 'string',
  runtimeConfig: 'string',
  nodeName: 'string',
  evictionHard: 'string',
  registryConfigurationDirectory: 'string',
  etcd: 'string',
  etcdPrefix: 'string',
  etcdAuthorityFile: 'string',
  etcdCertificateFile: 'string',
  etcdKeyFile: 'string',
  etcdUser: 'string',
  etcdPasswordFile: 'string',
  tokenFile: 'string',
  authenticationConfigFile: 'string',
  tokenWebhookConfigFile: 'string',
  tokenWebhookVersion: 'string',
  authorizationConfigFile: 'string',
  admissionControlConfigFile: 'string',
  auditPolicyFile: 'string',
  auditLogFile: 'string',
  auditLogMegabytesMax: 'number',
  auditLogBackupsMax: 'number',
  auditLogDaysMax: 'number',
  auditWebhookConfigFile: 'string',
  encryptionProviderConfigFile: 'string',
  maxRequestsInflight: 'number',
  maxMutatingRequestsInflight: 'number',
  shutdownDelaySeconds: 'number',
  advertiseAddress: 'string',
  machineAddress: 'string',
  controllers: 'string',
  scheduler: 'string',
  schedulerConfigFile: 'string',
};
const PART_CHOICES: readonly PartChoice[] = ['builtin', 'none'];
const RUNTIMES: readonly NodeRuntime[] = ['auto', 'containerd', 'simulated', 'none'];
const PORT_MAX = 65_535;

/** Reads a configuration file strictly: an unknown or wrong field is an error that names it. */
export function parseConfiguration(text: string, fileName: string): Partial<ClusterConfiguration> {
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new ConfigurationError(`${fileName}: ${(error as Error).message}`);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new ConfigurationError(`${fileName}: must hold one ${CONFIGURATION_KIND}`);
  const { apiVersion, kind, ...fields } = document as Record<string, unknown>;
  if (apiVersion !== CONFIGURATION_API_VERSION || kind !== CONFIGURATION_KIND)
    throw new ConfigurationError(`${fileName}: must begin with apiVersion: ${CONFIGURATION_API_VERSION} and kind: ${CONFIGURATION_KIND}`);
  for (const [name, value] of Object.entries(fields)) {
    const type = TYPES[name as keyof ClusterConfiguration];
    if (!type) throw new ConfigurationError(`${fileName}: unknown field "${name}"; known are ${Object.keys(TYPES).join(', ')}`);
    if (typeof value !== type) throw new ConfigurationError(`${fileName}: ${name} must be a ${type}`);
  }
  return fields as Partial<ClusterConfiguration>;
}

/** What its `runtimeConfig` says. Throws an Error where that can't be read. */
export const servedVersions = ({ runtimeConfig }: Pick<ClusterConfiguration, 'runtimeConfig'>) =>
  runtimeConfig === undefined ? {} : parseRuntimeConfig(runtimeConfig, builtinGroupVersions());

/** None when state is a file. */
export function etcdEndpoints({ etcd }: Pick<ClusterConfiguration, 'etcd'>): string[] {
  return etcd ? etcd.split(',').map((endpoint) => endpoint.trim().replace(/\/$/, '')) : [];
}

/** Puts defaults under what was given and refuses what can't be. */
export function completeConfiguration(given: Partial<ClusterConfiguration>): ClusterConfiguration {
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const configuration = { ...DEFAULT_CONFIGURATION, ...known } as ClusterConfiguration;
  const refuse = (field: string, why: string) => {
    throw new ConfigurationError(`${field}: ${why}`);
  };
  if (!RUNTIMES.includes(configuration.runtime)) refuse('runtime', `"${configuration.runtime}" is none of ${RUNTIMES.join(', ')}`);
  if (!Number.isInteger(configuration.nodes) || configuration.nodes < 0) refuse('nodes', 'must be a whole number, 0 or more');
  for (const field of ['controllers', 'scheduler'] as const) {
    if (!PART_CHOICES.includes(configuration[field])) refuse(field, `"${configuration[field]}" is none of ${PART_CHOICES.join(', ')}`);
  }
  for (const field of ['auditLogMegabytesMax', 'auditLogBackupsMax', 'auditLogDaysMax'] as const) {
    const limit = configuration[field];
    if (limit !== undefined && (!Number.isInteger(limit) || limit < 0)) refuse(field, 'must be a whole number, 0 or more');
  }
  if ((configuration.auditLogFile || configuration.auditWebhookConfigFile) && !configuration.auditPolicyFile) {
    refuse('auditPolicyFile', 'must say what is written down');
  }
  if (configuration.auditPolicyFile && !configuration.auditLogFile && !configuration.auditWebhookConfigFile) {
    refuse('auditLogFile', 'or auditWebhookConfigFile must say where what the audit policy wants goes');
  }
  for (const field of ['maxRequestsInflight', 'maxMutatingRequestsInflight'] as const) {
    if (!Number.isInteger(configuration[field]) || configuration[field] < 1) refuse(field, 'must be a whole number, 1 or more');
  }
  for (const field of ['port', 'kubeletPort'] as const) {
    const port = configuration[field];
    if (!Number.isInteger(port) || port < 0 || port > PORT_MAX) refuse(field, `must be a port between 0 and ${PORT_MAX}`);
  }
  for (const field of ['serviceCidr', 'podCidr'] as const) {
    if (!/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/.test(configuration[field]))
      refuse(field, `"${configuration[field]}" is not an IPv4 range such as ${DEFAULT_CONFIGURATION[field]}`);
  }
  if (Number(configuration.podCidr.split('/')[1]) > NODE_PREFIX_LENGTH)
    refuse('podCidr', `must be a /${NODE_PREFIX_LENGTH} or wider: that much each node takes of it`);
  if (!(configuration.shutdownDelaySeconds >= 0)) refuse('shutdownDelaySeconds', 'must be 0 or more');
  for (const endpoint of etcdEndpoints(configuration)) {
    const problem = endpointProblem(endpoint);
    if (problem) refuse('etcd', problem);
  }
  if (!/^\/[^/].*[^/]$/.test(configuration.etcdPrefix)) refuse('etcdPrefix', `must look like ${DEFAULT_CONFIGURATION.etcdPrefix}`);
  for (const field of ['advertiseAddress', 'machineAddress'] as const) {
    const address = configuration[field];
    if (address !== undefined && !isIP(address)) refuse(field, 'must be an IP address');
  }
  if (!/^\d+-\d+$/.test(configuration.nodePortRange)) refuse('nodePortRange', `must look like ${DEFAULT_CONFIGURATION.nodePortRange}`);
  try {
    servedVersions(configuration);
  } catch (error) {
    refuse('runtimeConfig', (error as Error).message);
  }
  if (!['v1', 'v1beta1', undefined].includes(configuration.tokenWebhookVersion)) refuse('tokenWebhookVersion', 'must be v1 or v1beta1');
  return configuration;
}
