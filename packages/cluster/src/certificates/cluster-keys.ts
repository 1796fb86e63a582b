// Everything the cluster's parts prove themselves with. Made once, kept in DIR/pki (or in memory), renewed before it ends.
import { X509Certificate } from 'node:crypto';
import type { Runtime } from '@tiphys/runtime';
import { type CertificateRequest, createAuthority, generateKeyPem, issueCertificate, type KeyedCertificate } from './x509.ts';

export interface ClusterKeys {
  /** Signs every server and client certificate of the cluster. */
  authority: KeyedCertificate;
  /** The API server's own. */
  server: KeyedCertificate;
  /** Member of system:masters, for the administrator's kubeconfig. */
  administrator: KeyedCertificate;
  /** How the API server shows itself to kubelets. */
  kubeletClient: KeyedCertificate;
  /** Signs the front proxy's certificate: whoever shows it may say who asks. */
  frontProxyAuthority: KeyedCertificate;
  /** How the API server shows itself to aggregated servers. */
  frontProxyClient: KeyedCertificate;
  /** Signs service account tokens. */
  serviceAccountKeyPem: string;
}

/** Where keys are kept: file name → text. */
export interface KeyFiles {
  read(name: string): string | undefined;
  /** Private: mode 0600. */
  write(name: string, text: string): void;
}

const DAY_MS = 86_400_000;
const AUTHORITY_VALID_MS = 3650 * DAY_MS;
const CERTIFICATE_VALID_MS = 365 * DAY_MS;
/** A certificate with less time left is replaced at the next start. */
const RENEW_BEFORE_MS = 30 * DAY_MS;
export const AUTHORITY_NAME = 'kubernetes';
const FRONT_PROXY_AUTHORITY_NAME = 'front-proxy-ca';
export const FRONT_PROXY_CLIENT_NAME = 'front-proxy-client';

/** What cannot be made again: whoever has these is the cluster. */
export const SHARED_KEY_FILES: readonly string[] = ['ca.crt', 'ca.key', 'front-proxy-ca.crt', 'front-proxy-ca.key', 'service-account.key'];

export function memoryKeyFiles(): KeyFiles {
  const files = new Map<string, string>();
  return { read: (name) => files.get(name), write: (name, text) => void files.set(name, text) };
}

function keptAuthority(runtime: Runtime, files: KeyFiles, file: string, commonName: string): KeyedCertificate {
  const certificatePem = files.read(`${file}.crt`);
  const privateKeyPem = files.read(`${file}.key`);
  if (certificatePem && privateKeyPem) return { certificatePem, privateKeyPem };
  const authority = createAuthority(runtime, commonName, AUTHORITY_VALID_MS);
  files.write(`${file}.key`, authority.privateKeyPem);
  files.write(`${file}.crt`, authority.certificatePem);
  return authority;
}

function stillGood(runtime: Runtime, pem: string, authority: KeyedCertificate, hosts: readonly string[]): boolean {
  const certificate = new X509Certificate(pem);
  const covers = (host: string) => certificate.checkHost(host) !== undefined || certificate.checkIP(host) !== undefined;
  return (
    certificate.verify(new X509Certificate(authority.certificatePem).publicKey) &&
    Date.parse(certificate.validTo) - runtime.clock.now() > RENEW_BEFORE_MS &&
    hosts.every(covers)
  );
}

/** The kept certificate, or a new one when it is missing, about to end, or does not name every host. */
export function keptCertificate(
  runtime: Runtime,
  files: KeyFiles,
  authority: KeyedCertificate,
  name: string,
  request: Omit<CertificateRequest, 'validForMs'>,
  authorityName = AUTHORITY_NAME,
): KeyedCertificate {
  const certificatePem = files.read(`${name}.crt`);
  const privateKeyPem = files.read(`${name}.key`);
  if (certificatePem && privateKeyPem && stillGood(runtime, certificatePem, authority, request.hosts ?? []))
    return { certificatePem, privateKeyPem };
  const issued = issueCertificate(runtime, authority, authorityName, { ...request, validForMs: CERTIFICATE_VALID_MS });
  files.write(`${name}.key`, issued.privateKeyPem);
  files.write(`${name}.crt`, issued.certificatePem);
  return issued;
}

export function clusterKeys(runtime: Runtime, files: KeyFiles, serverHosts: readonly string[]): ClusterKeys {
  const authority = keptAuthority(runtime, files, 'ca', AUTHORITY_NAME);
  const frontProxyAuthority = keptAuthority(runtime, files, 'front-proxy-ca', FRONT_PROXY_AUTHORITY_NAME);
  const certificate = (name: string, request: Omit<CertificateRequest, 'validForMs'>) =>
    keptCertificate(runtime, files, authority, name, request);
  let serviceAccountKeyPem = files.read('service-account.key');
  if (!serviceAccountKeyPem) {
    serviceAccountKeyPem = generateKeyPem();
    files.write('service-account.key', serviceAccountKeyPem);
  }
  return {
    authority,
    server: certificate('apiserver', { commonName: 'kube-apiserver', hosts: serverHosts, usages: ['server'] }),
    administrator: certificate('admin', { commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client'] }),
    kubeletClient: certificate('apiserver-kubelet-client', {
      commonName: 'kube-apiserver-kubelet-client',
      organizations: ['system:masters'],
      usages: ['client'],
    }),
    frontProxyAuthority,
    frontProxyClient: keptCertificate(
      runtime,
      files,
      frontProxyAuthority,
      'front-proxy-client',
      { commonName: FRONT_PROXY_CLIENT_NAME, usages: ['client'] },
      FRONT_PROXY_AUTHORITY_NAME,
    ),
    serviceAccountKeyPem,
  };
}
