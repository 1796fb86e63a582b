// kube-apiserver with etcd, and our controllers and scheduler beside it, as far as they are not upstream's, too. Machines join it as
// they join a server of ours.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createToken, startControlLoops } from '@tiphys/cluster';
import { realRuntime } from '@tiphys/runtime';
import { startUpstream, type Upstream } from '../../tools/upstream/upstream.ts';
import { type CertificateFiles, makeAuthority, makeCertificate } from './certificates.ts';
import { CLUSTER_DOMAIN, type Parts, POD_CIDR, SERVICE_CIDR, type Server } from './parts.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
/** Of the range of Services, the first. */
const OWN_SERVICE = '10.96.0.1';
const NAMES = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${CLUSTER_DOMAIN}`];

function flagsOf({ scratch, machines }: Parts, authority: CertificateFiles): string[] {
  const { address } = machines[0]!;
  const names = [...NAMES.map((name) => `DNS:${name}`), ...['127.0.0.1', OWN_SERVICE, address].map((each) => `IP:${each}`)];
  const serving = makeCertificate(scratch, authority, 'apiserver', { subject: '/CN=kube-apiserver', usage: 'serverAuth', names });
  const subject = '/O=system:masters/CN=kube-apiserver-kubelet-client';
  const client = makeCertificate(scratch, authority, 'kubelet-client', { subject, usage: 'clientAuth' });
  return [
    `--advertise-address=${address}`,
    '--endpoint-reconciler-type=lease',
    `--client-ca-file=${authority.certificate}`,
    `--tls-cert-file=${serving.certificate}`,
    `--tls-private-key-file=${serving.key}`,
    `--kubelet-certificate-authority=${authority.certificate}`,
    `--kubelet-client-certificate=${client.certificate}`,
    `--kubelet-client-key=${client.key}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--enable-bootstrap-token-auth=true',
    '--enable-admission-plugins=NodeRestriction',
  ];
}

function startLoops({ setup, machines }: Parts, upstream: Upstream, authority: CertificateFiles, accountKeyFile: string) {
  const pem = (file: string) => readFileSync(file, 'utf8');
  return startControlLoops({
    kubeconfig: upstream.kubeconfig,
    controllers: !setup.upstream.has('controllers'),
    scheduler: !setup.upstream.has('scheduler'),
    serviceAccountKeyPem: pem(accountKeyFile),
    rootCertificatePem: pem(authority.certificate),
    issuer: ISSUER,
    joinable: {
      server: `https://${machines[0]!.address}:${upstream.port}`,
      authority: { certificatePem: pem(authority.certificate), privateKeyPem: pem(authority.key) },
      configuration: { podCidr: POD_CIDR, serviceCidr: SERVICE_CIDR, clusterDomain: CLUSTER_DOMAIN },
    },
  });
}

export async function startUpstreamServer(parts: Parts): Promise<Server> {
  const { peers, scratch, stack } = parts;
  const authority = makeAuthority(scratch);
  const upstream = await startUpstream({ peers, parent: scratch, apiServerFlags: flagsOf(parts, authority) });
  stack.defer(() => upstream.stop());
  const accountKeyFile = join(dirname(upstream.kubeconfig), 'sa.key');
  const loops = stack.use(startLoops(parts, upstream, authority, accountKeyFile));
  await loops.ready;
  return {
    kubeconfig: upstream.kubeconfig,
    authorityFile: authority.certificate,
    authorityKeyFile: authority.key,
    accountKeyFile,
    hasFirstNode: false,
    invite: () => createToken(loops.client, realRuntime(), undefined),
  };
}
