// kube-controller-manager and kube-scheduler beside our server, with the flags that kubeadm gives them and all others as they
// default: what they send is protobuf. Each acts as its own user, with what upstream's bootstrap policy lets it do.
import { freePort } from '../../tools/upstream/programs.ts';
import { fetcher } from '../../tools/upstream/upstream.ts';
import { kubeconfigAs } from './kubeconfigs.ts';
import { type Parts, POD_CIDR, SERVICE_CIDR, type Server } from './parts.ts';

async function start(parts: Parts, server: Server, program: string, flags: readonly string[]): Promise<void> {
  const port = await freePort();
  const kubeconfig = kubeconfigAs(parts, server, `system:${program}`);
  parts.programs.start(program, [`--kubeconfig=${kubeconfig}`, `--secure-port=${port}`, ...flags]);
  const fetch = fetcher({ port, tls: { rejectUnauthorized: false } });
  await parts.programs.until(program, program, async () => (await fetch('/healthz')) === 'ok');
}

/** Resolves when they are healthy. */
export async function startUpstreamLoops(parts: Parts, server: Server): Promise<void> {
  const { upstream } = parts.setup;
  if (upstream.has('controllers'))
    await start(parts, server, 'kube-controller-manager', [
      '--controllers=*,bootstrap-signer-controller,token-cleaner-controller',
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${server.accountKeyFile}`,
      `--root-ca-file=${server.authorityFile}`,
      `--cluster-signing-cert-file=${server.authorityFile}`,
      `--cluster-signing-key-file=${server.authorityKeyFile}`,
      '--allocate-node-cidrs=true',
      `--cluster-cidr=${POD_CIDR}`,
      `--service-cluster-ip-range=${SERVICE_CIDR}`,
    ]);
  if (upstream.has('scheduler')) await start(parts, server, 'kube-scheduler', []);
}
