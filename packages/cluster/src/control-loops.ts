// Our controllers, scheduler and simulated nodes beside an API server that is not ours, such as kube-apiserver: what
// kube-controller-manager and kube-scheduler are there.
import { type Client, clientFromKubeconfig } from '@tiphys/client';
import { builtinControllers, type SystemControllersOptions, startControllers, systemControllers } from '@tiphys/controllers';
import { startSimulatedNodes } from '@tiphys/node';
import { type Logger, type Runtime, realRuntime } from '@tiphys/runtime';
import { startScheduler } from '@tiphys/scheduler';
import { createTokenSigner } from '@tiphys/server';
import { certificateSigner } from './certificates/certificate-signer.ts';
import { AUTHORITY_NAME } from './certificates/cluster-keys.ts';
import type { KeyedCertificate } from './certificates/x509.ts';
import { makeJoinable, type SharedConfiguration } from './join/cluster-side.ts';
import { servingApprover } from './join/serving-approver.ts';
import { legacyToken } from './legacy-token.ts';

/** What machines must find to become nodes of a server that is not ours: `tiphys server join`. */
export interface JoinableServer {
  /** Where they find the server. */
  server: string;
  /** Vouches for the server, and signs the nodes' certificates; its common name is `kubernetes`, as kubeadm's is. */
  authority: KeyedCertificate;
  configuration: SharedConfiguration;
}

export interface ControlLoopsOptions extends Pick<SystemControllersOptions, 'certificateSigner' | 'volumes'> {
  /** Path of the file; its user must be allowed to impersonate the controllers' service accounts. */
  kubeconfig: string;
  /** Default true, both. */
  controllers?: boolean;
  scheduler?: boolean;
  /** Default none. */
  simulatedNodes?: number;
  /** Default: no machine can join. The server must accept bootstrap tokens (--enable-bootstrap-token-auth). */
  joinable?: JoinableServer;
  /** Signs tokens of secrets, and the authority that pods are given to trust the server; both PEM. */
  serviceAccountKeyPem: string;
  rootCertificatePem: string;
  issuer?: string;
  log?: Logger;
}

export interface ControlLoops extends AsyncDisposable {
  /** Resolves when caches are filled, the loops work and the nodes are registered. */
  ready: Promise<void>;
  client: Client;
  stop(): Promise<void>;
}

const DEFAULT_ISSUER = 'https://kubernetes.default.svc';

function controllersOf(options: ControlLoopsOptions, runtime: Runtime) {
  const { serviceAccountKeyPem, issuer = DEFAULT_ISSUER, rootCertificatePem, volumes, joinable } = options;
  const tokens = createTokenSigner({ privateKeyPem: serviceAccountKeyPem, issuer });
  const joinSigner = joinable && certificateSigner(runtime, joinable.authority, AUTHORITY_NAME);
  const signer = options.certificateSigner ?? joinSigner;
  const { podCidr, serviceCidr } = joinable?.configuration ?? {};
  const system = systemControllers({
    rootCertificatePem,
    signToken: (account, secret) => legacyToken(tokens, account, secret),
    ...(signer ? { certificateSigner: signer } : {}),
    ...(volumes ? { volumes } : {}),
    ...(podCidr && serviceCidr ? { nodeIpam: { clusterCidr: podCidr, serviceCidr } } : {}),
  });
  const approver = podCidr && joinSigner ? [servingApprover({ podCidr, taken: [], read: joinSigner.read })] : [];
  return [...system, ...builtinControllers(), ...approver];
}

const joinableFacts = ({ server, authority, configuration }: JoinableServer) => ({
  server,
  authorityPem: authority.certificatePem,
  configuration,
});

export function startControlLoops(options: ControlLoopsOptions): ControlLoops {
  const runtime: Runtime = realRuntime(options.log);
  const connect = (userAgent: string) => clientFromKubeconfig({ path: options.kubeconfig, runtime, userAgent });
  const client = connect('tiphys');
  const clients = [client];
  const parts: { ready: Promise<unknown>; stop(): Promise<void> }[] = [];
  const clientFor = (program: string) => {
    const made = connect(program);
    clients.push(made);
    return made;
  };
  if (options.controllers !== false) {
    parts.push(startControllers({ client: clientFor('kube-controller-manager'), runtime, controllers: controllersOf(options, runtime) }));
  }
  if (options.scheduler !== false) {
    const scheduler = startScheduler({ client: clientFor('kube-scheduler').as({ name: 'system:kube-scheduler' }), runtime });
    parts.push({ ready: scheduler.started, stop: () => scheduler.stop() });
  }
  if (options.simulatedNodes) parts.push(startSimulatedNodes({ client: clientFor('kubelet'), runtime, count: options.simulatedNodes }));
  const stop = async () => {
    await Promise.all(parts.map((part) => part.stop()));
    await Promise.all(clients.map((each) => each.close()));
  };
  const joinable = options.joinable ? makeJoinable(client, joinableFacts(options.joinable)) : undefined;
  const ready = Promise.all([...parts.map((part) => part.ready), joinable]).then(() => undefined);
  return { ready, client, stop, [Symbol.asyncDispose]: stop };
}
