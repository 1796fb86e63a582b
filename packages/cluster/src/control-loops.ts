// Our controllers, scheduler and simulated nodes beside an API server that is not ours, such as kube-apiserver: what
// kube-controller-manager and kube-scheduler are there.
import { type Client, clientFromKubeconfig } from '@tiphys/client';
import { builtinControllers, type SystemControllersOptions, startControllers, systemControllers } from '@tiphys/controllers';
import { startSimulatedNodes } from '@tiphys/node';
import { type Logger, type Runtime, realRuntime } from '@tiphys/runtime';
import { startScheduler } from '@tiphys/scheduler';
import { createTokenSigner } from '@tiphys/server';
import { legacyToken } from './legacy-token.ts';

export interface ControlLoopsOptions extends Pick<SystemControllersOptions, 'certificateSigner' | 'volumes'> {
  /** Path of the file; its user must be allowed to impersonate the controllers' service accounts. */
  kubeconfig: string;
  /** Default true, both. */
  controllers?: boolean;
  scheduler?: boolean;
  /** Default none. */
  simulatedNodes?: number;
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
    const signer = createTokenSigner({ privateKeyPem: options.serviceAccountKeyPem, issuer: options.issuer ?? DEFAULT_ISSUER });
    const { rootCertificatePem, certificateSigner, volumes } = options;
    const system = systemControllers({
      rootCertificatePem,
      signToken: (account, secret) => legacyToken(signer, account, secret),
      ...(certificateSigner ? { certificateSigner } : {}),
      ...(volumes ? { volumes } : {}),
    });
    parts.push(
      startControllers({ client: clientFor('kube-controller-manager'), runtime, controllers: [...system, ...builtinControllers()] }),
    );
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
  return { ready: Promise.all(parts.map((part) => part.ready)).then(() => undefined), client, stop, [Symbol.asyncDispose]: stop };
}
