// The part of a cluster that is one process: store, API server, controllers and scheduler, put together.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Client, Part } from '@tiphys/client';
import { inProcessClient, userInfo } from '@tiphys/client';
import {
  builtinControllers,
  type SystemControllersOptions,
  startControllers,
  systemControllers,
  type VolumeFolders,
} from '@tiphys/controllers';
import type { UserInfo } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import type { Runtime } from '@tiphys/runtime';
import { type SchedulerOptions, startScheduler } from '@tiphys/scheduler';
import {
  ConfigurationFileError,
  type Connect,
  connectHandlers,
  createStandardServer,
  createTokenSigner,
  type Listening,
  LOOPBACK_USER,
  type StandardServer,
  type StandardServerOptions,
  type TokenSigner,
} from '@tiphys/server';
import type { Family } from '@tiphys/std';
import type { Store } from '@tiphys/storage';
import { addressAt } from './addresses.ts';
import { certificateSigner } from './certificates/certificate-signer.ts';
import { AUTHORITY_NAME, type ClusterKeys, FRONT_PROXY_CLIENT_NAME } from './certificates/cluster-keys.ts';
import { type ClusterConfiguration, ConfigurationError, servedVersions } from './configuration.ts';
import { servingApprover } from './join/serving-approver.ts';
import { leading } from './leadership.ts';
import { legacyToken } from './legacy-token.ts';
import { podCidrOf } from './nodes/real-node.ts';
import { portRefused } from './port-refused.ts';
import { followServerFiles, readServerFiles } from './server-files.ts';

export const TOKEN_ISSUER = 'https://kubernetes.default.svc.cluster.local';

export interface ControlPlaneOptions {
  configuration: ClusterConfiguration;
  runtime: Runtime;
  store: Store;
  /** Tells this server from others on the same store; the same after a restart. */
  identity: string;
  keys: ClusterKeys;
  /** Address to listen on, and the one under which pods reach the server. */
  host: string;
  advertisedAddress: string;
  /** Where volumes of claims without a class are made; without it nothing is made, which suits simulated nodes. */
  volumeDirectory?: string;
  /** Profiles and back-off; default upstream's. */
  scheduler?: Pick<SchedulerOptions, 'profiles' | 'backoff'>;
}

export interface ControlPlane {
  server: StandardServer;
  listening: Listening;
  /** Acts as the cluster's administrator. */
  client: Client;
  /** In process, as another user; what it writes is under the program's name in managedFields. */
  clientOf(user: string, groups?: readonly string[], program?: string): Client;
  /** undefined when the configuration leaves the part to another program. */
  controllers: Part | undefined;
  scheduler: Part | undefined;
  /** Shows new certificates from now on. */
  renew(keys: ClusterKeys): void;
  close(): Promise<void>;
}

/** Pods of any user write to their volumes; the folder above keeps others of the machine out. */
const VOLUME_MODE = 0o777;

function volumeFolders(directory: string): VolumeFolders {
  return {
    directory,
    create: async (path) => {
      await mkdir(path, { recursive: true });
      await chmod(path, VOLUME_MODE);
    },
    remove: (path) => rm(path, { recursive: true, force: true }),
  };
}

function portRange(text: string): readonly [number, number] {
  const [first, last] = text.split('-').map(Number);
  return [first!, last!];
}

const kubeletTls = ({ kubeletClient, authority }: ClusterKeys) => ({
  cert: kubeletClient.certificatePem,
  key: kubeletClient.privateKeyPem,
  ca: authority.certificatePem,
});

const serverTls = ({ server, authority, frontProxyAuthority }: ClusterKeys) => ({
  key: server.privateKeyPem,
  cert: server.certificatePem,
  clientCa: `${authority.certificatePem}\n${frontProxyAuthority.certificatePem}`,
});

/** What the files say wrongly is told as the configuration's other mistakes are. */
function serverOf(options: StandardServerOptions): StandardServer {
  try {
    return createStandardServer(options);
  } catch (error) {
    throw error instanceof ConfigurationFileError ? new ConfigurationError(error.message, { cause: error }) : error;
  }
}

interface CreatedServer {
  server: StandardServer;
  connect: Connect;
  /** Begins to follow the files that may change. Returns a stop function. */
  followFiles(): () => void;
}

function createServer(options: ControlPlaneOptions, signer: TokenSigner): CreatedServer {
  const { configuration, runtime, store, keys } = options;
  const connect = connectHandlers({
    runtime,
    reader: () => server.reader,
    authorizer: { authorize: (attributes) => server.authorizer.authorize(attributes) },
    kubeletTls: kubeletTls(keys),
  });
  const files = readServerFiles(configuration, runtime);
  const server = serverOf({
    ...files,
    runtime,
    store,
    signer,
    definitions: builtinDefinitions({
      serviceCidr: configuration.serviceCidr,
      nodePortRange: portRange(configuration.nodePortRange),
      runtimeConfig: servedVersions(configuration),
    }),
    clientCertificateAuthorityPem: keys.authority.certificatePem,
    trustedProxies: {
      certificateAuthorityPem: keys.frontProxyAuthority.certificatePem,
      allowedNames: [FRONT_PROXY_CLIENT_NAME],
      usernameHeaders: ['X-Remote-User'],
      uidHeaders: ['X-Remote-Uid'],
      groupHeaders: ['X-Remote-Group'],
      extraHeaderPrefixes: ['X-Remote-Extra-'],
    },
    proxyClient: keys.frontProxyClient,
    serviceCidrs: [configuration.serviceCidr],
    flowControl: { seats: configuration.maxRequestsInflight + configuration.maxMutatingRequestsInflight },
    subresourceHandlers: connect.subresourceHandlers,
    upgradeHandlers: connect.upgradeHandlers,
  });
  return { server, connect, followFiles: () => followServerFiles(configuration, files, server, runtime) };
}

/** The first node brings its range itself, before or after others ask for theirs. */
const takenRanges = ({ runtime, nodes, podCidr }: ClusterConfiguration): string[] =>
  runtime === 'containerd' && nodes > 0 ? [podCidrOf({ podCidr })] : [];

function systemOptions(
  { configuration, runtime, keys, volumeDirectory }: ControlPlaneOptions,
  signer: TokenSigner,
): SystemControllersOptions {
  const { podCidr, serviceCidr } = configuration;
  // Simulated nodes bring their ranges, however many there are.
  const nodeIpam =
    configuration.runtime === 'simulated' ? undefined : { clusterCidr: podCidr, serviceCidr, taken: takenRanges(configuration) };
  return {
    ...(nodeIpam ? { nodeIpam } : {}),
    rootCertificatePem: keys.authority.certificatePem,
    signToken: (account, secret) => legacyToken(signer, account, secret),
    certificateSigner: signerOf(runtime, keys),
    ...(volumeDirectory ? { volumes: volumeFolders(volumeDirectory) } : {}),
  };
}

const signerOf = (runtime: Runtime, keys: ClusterKeys) => certificateSigner(runtime, keys.authority, AUTHORITY_NAME);

function joinControllers({ configuration, runtime, keys }: ControlPlaneOptions) {
  if (configuration.runtime === 'simulated') return [];
  const { read } = signerOf(runtime, keys);
  return [servingApprover({ podCidr: configuration.podCidr, taken: takenRanges(configuration), read })];
}

/** Shows the figures of whoever leads now: who leads again starts anew, and counts from nothing. */
function shownMetrics(server: StandardServer): (part: 'workqueue' | 'scheduler', families: readonly Family[]) => void {
  const shown = new Map<string, readonly Family[]>();
  for (const name of ['workqueue', 'scheduler'])
    server.addMetrics([{ name, write: (lines) => shown.get(name)?.forEach((family) => void family.write(lines)) }]);
  return (part, families) => void shown.set(part, families);
}

interface LoopServices {
  server: StandardServer;
  signer: TokenSigner;
  client: Client;
  clientAs(user: UserInfo, program?: string): Client;
  clientOf: ControlPlane['clientOf'];
}

/** Controllers and scheduler, as far as they are ours to run. */
function startLoops(options: ControlPlaneOptions, { server, signer, client, clientAs, clientOf }: LoopServices) {
  const { configuration, runtime } = options;
  const lead = leading({ isShared: options.store.isShared, client, runtime, identity: options.identity });
  const show = shownMetrics(server);
  const controllers =
    configuration.controllers === 'none'
      ? undefined
      : lead('kube-controller-manager', () => {
          const own = clientAs(LOOPBACK_USER, 'kube-controller-manager');
          const started = startControllers({
            client: own,
            runtime,
            controllers: [...systemControllers(systemOptions(options, signer)), ...builtinControllers(), ...joinControllers(options)],
          });
          show('workqueue', started.metrics);
          return { ready: started.ready, stop: () => started.stop().then(() => own.close()) };
        });
  const scheduler =
    configuration.scheduler === 'none'
      ? undefined
      : lead('kube-scheduler', () => {
          const own = clientOf('system:kube-scheduler', undefined, 'kube-scheduler');
          const started = startScheduler({
            ...options.scheduler,
            client: own,
            runtime,
            host: hostname(),
          });
          show('scheduler', started.metrics);
          return { ready: started.started, stop: () => started.stop().then(() => own.close()) };
        });
  return { controllers, scheduler };
}

/** Starts everything; resolves when the API is usable and the controllers work. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { configuration, runtime, keys } = options;
  const signer = createTokenSigner({ privateKeyPem: keys.serviceAccountKeyPem, issuer: TOKEN_ISSUER });
  const { server, connect, followFiles } = createServer(options, signer);
  const listening = await server
    .listen({
      port: configuration.port,
      host: options.host,
      tls: serverTls(keys),
    })
    .catch((error) => {
      connect.close();
      throw portRefused(error, configuration.port, 'choose another with --port (0 takes a free one)');
    });
  const clients: Client[] = [];
  const clientAs = (user: UserInfo, program?: string) => {
    const made = inProcessClient({ handler: server, runtime, user, ...(program ? { userAgent: program } : {}) });
    clients.push(made);
    return made;
  };
  const clientOf: ControlPlane['clientOf'] = (user, groups, program) => clientAs(userInfo(user, groups), program);
  // Endpoints may not name the loopback; without pods on real nodes nobody needs them.
  const addresses = options.advertisedAddress.startsWith('127.') ? [] : [options.advertisedAddress];
  const advertised = { addresses, port: listening.port, clusterIP: addressAt(configuration.serviceCidr, 1) };
  await server.bootstrap(advertised);
  const stopFiles = followFiles();
  const client = clientAs(LOOPBACK_USER);
  const { controllers, scheduler } = startLoops(options, { server, signer, client, clientAs, clientOf });
  await Promise.all([controllers?.ready, scheduler?.ready]);
  const close = async () => {
    server.drain();
    if (configuration.shutdownDelaySeconds > 0) await runtime.clock.sleep(configuration.shutdownDelaySeconds * 1000);
    stopFiles();
    await Promise.all([controllers?.stop(), scheduler?.stop()]);
    await Promise.all(clients.map((each) => each.close()));
    connect.close();
    await server.close();
    await options.store[Symbol.asyncDispose]();
  };
  const renew = (renewed: ClusterKeys) => {
    listening.renew(serverTls(renewed));
    connect.renew(kubeletTls(renewed));
    server.renewProxyClient(renewed.frontProxyClient);
  };
  return { server, listening, client, clientOf, controllers, scheduler, renew, close };
}
