// Certificates for a node by CertificateSigningRequests (kubelet pkg/kubelet/certificate/bootstrap, client-go util/certificate): the key
// stays on the machine, what comes back is kept beside it.
import { createHash, X509Certificate } from 'node:crypto';
import { certificatesv1 } from '@tiphys/api';
import { type Client, WaitTimeout, waitFor } from '@tiphys/client';
import { isAlreadyExists } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import { certificateRequest } from '../certificates/certificate-request.ts';
import type { KeyFiles } from '../certificates/cluster-keys.ts';
import { generateKeyPem, type KeyedCertificate } from '../certificates/x509.ts';
import { ConfigurationError } from '../configuration.ts';

export interface WantedCertificate {
  /** File name without its end. */
  file: string;
  nodeName: string;
  signer: 'kubernetes.io/kube-apiserver-client-kubelet' | 'kubernetes.io/kubelet-serving';
  /** For a server. */
  hosts?: readonly string[];
}

const USAGES: Record<WantedCertificate['signer'], readonly string[]> = {
  'kubernetes.io/kube-apiserver-client-kubelet': ['digital signature', 'client auth'],
  'kubernetes.io/kubelet-serving': ['digital signature', 'server auth'],
};
const ISSUE_MS_MAX = 60_000;
/** A certificate with less time left is replaced. */
const RENEW_BEFORE_MS = 30 * 86_400_000;

export function keptNodeCertificate(files: KeyFiles, { file }: Pick<WantedCertificate, 'file'>): KeyedCertificate | undefined {
  const [certificatePem, privateKeyPem] = [files.read(`${file}.crt`), files.read(`${file}.key`)];
  return certificatePem && privateKeyPem ? { certificatePem, privateKeyPem } : undefined;
}

/** Whether it is long enough valid, of this authority, and for these hosts. */
export function isGood({ certificatePem }: KeyedCertificate, authorityPem: string, nowMs: number, hosts: readonly string[] = []): boolean {
  const certificate = new X509Certificate(certificatePem);
  return (
    certificate.verify(new X509Certificate(authorityPem).publicKey) &&
    Date.parse(certificate.validTo) - nowMs > RENEW_BEFORE_MS &&
    hosts.every((host) => (certificate.checkIP(host) ?? certificate.checkHost(host)) !== undefined)
  );
}

const hasCondition = (request: certificatesv1.CertificateSigningRequest | undefined, type: string) =>
  request?.status?.conditions?.find((condition) => condition.type === type);

/** Asks with the client and waits for the answer. The certificate is on the disk when this returns. */
export async function requestCertificate(
  client: Client,
  runtime: Runtime,
  files: KeyFiles,
  wanted: WantedCertificate,
): Promise<KeyedCertificate> {
  const { file, nodeName, signer, hosts = [] } = wanted;
  const privateKeyPem = generateKeyPem();
  const pem = certificateRequest(privateKeyPem, { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'], hosts });
  const name = `node-csr-${createHash('sha256').update(pem).digest('hex').slice(0, 40)}`;
  const requests = client.of(certificatesv1.certificatesigningrequests);
  const spec = { request: Buffer.from(pem).toString('base64'), signerName: signer, usages: [...USAGES[signer]] };
  await requests.create({ metadata: { name }, spec }).catch((error) => {
    // Sent again after an answer that was lost.
    if (!isAlreadyExists(error)) throw error;
  });
  const informer = client.informer(certificatesv1.certificatesigningrequests, { fieldSelector: `metadata.name=${name}` });
  const isAnswered = (request: certificatesv1.CertificateSigningRequest | undefined) =>
    request?.status?.certificate !== undefined || ['Denied', 'Failed'].some((type) => hasCondition(request, type));
  const answered = await waitFor(informer, name, isAnswered, { clock: runtime.clock, timeoutMs: ISSUE_MS_MAX }).catch((error) => {
    if (!(error instanceof WaitTimeout)) throw error;
    throw new ConfigurationError(
      `nobody approved the certificate request ${name} (${signer}) within ${ISSUE_MS_MAX / 1000} s. Look at it on the server: kubectl describe csr ${name}`,
    );
  });
  const refused = hasCondition(answered, 'Denied') ?? hasCondition(answered, 'Failed');
  if (refused)
    throw new ConfigurationError(`the certificate request ${name} was refused: ${refused.reason ?? ''} ${refused.message ?? ''}`);
  const certificatePem = Buffer.from(answered!.status!.certificate!, 'base64').toString('utf8');
  files.write(`${file}.key`, privateKeyPem);
  files.write(`${file}.crt`, certificatePem);
  return { certificatePem, privateKeyPem };
}
