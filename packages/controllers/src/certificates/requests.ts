// What the built-in signers accept and approve by themselves (pkg/apis/certificates/helpers.go,
// pkg/controller/certificates/approver/sarapprove.go, signer/signer.go). Pure.
import type { certificatesv1 } from '@tiphys/api';

export type Request = certificatesv1.CertificateSigningRequest;

/** What a PKCS#10 request asks for. */
export interface RequestFacts {
  commonName: string;
  organizations: readonly string[];
  dnsNames: readonly string[];
  ipAddresses: readonly string[];
  emailAddresses: readonly string[];
  uris: readonly string[];
}

export interface CertificateSigner {
  /** Throws when the text is no such request. */
  read(requestPem: string): RequestFacts;
  /** A certificate for the request's subject, names and key. */
  issue(requestPem: string, usages: readonly string[], validForMs: number): string;
}

export const SIGNERS = {
  client: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
} as const;

const NODE_PREFIX = 'system:node:';
const NODES_GROUP = 'system:nodes';

export const requestPem = (request: Request): string => Buffer.from(request.spec?.request ?? '', 'base64').toString('latin1');

export const hasCondition = (request: Request, type: string): boolean =>
  request.status?.conditions?.some((condition) => condition.type === type) ?? false;

const isExactly = (usages: readonly string[], required: readonly string[], optional: readonly string[]) =>
  required.every((usage) => usages.includes(usage)) && usages.every((usage) => required.includes(usage) || optional.includes(usage));

const onlyNodes = ({ organizations }: RequestFacts) => organizations.length === 1 && organizations[0] === NODES_GROUP;

/** undefined when it is one. */
export function whyNoKubeletClient(facts: RequestFacts, usages: readonly string[]): string | undefined {
  if (!onlyNodes(facts)) return 'subject organization is not system:nodes';
  if (facts.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (facts.emailAddresses.length > 0) return 'email subjectAltNames are not allowed';
  if (facts.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (facts.uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!facts.commonName.startsWith(NODE_PREFIX)) return 'subject common name does not begin with system:node: ';
  return isExactly(usages, ['digital signature', 'client auth'], ['key encipherment'])
    ? undefined
    : 'usages did not match [digital signature client auth]';
}

export function whyNoKubeletServing(facts: RequestFacts, usages: readonly string[]): string | undefined {
  if (!onlyNodes(facts)) return 'subject organization is not system:nodes';
  if (facts.dnsNames.length === 0 && facts.ipAddresses.length === 0) return 'at least one DNS or IP subjectAltName is required';
  if (facts.emailAddresses.length > 0) return 'email subjectAltNames are not allowed';
  if (facts.uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!facts.commonName.startsWith(NODE_PREFIX)) return 'subject common name does not begin with system:node: ';
  return isExactly(usages, ['digital signature', 'server auth'], ['key encipherment'])
    ? undefined
    : 'usages did not match [digital signature server auth]';
}

/** Why a signer of ours must not sign it; undefined when it may. */
export function whyNotSigned(signerName: string, facts: RequestFacts, usages: readonly string[]): string | undefined {
  if (signerName === SIGNERS.kubeletClient) return whyNoKubeletClient(facts, usages);
  if (signerName === SIGNERS.kubeletServing) return whyNoKubeletServing(facts, usages);
  const isClient = isExactly(usages, ['client auth'], ['digital signature', 'key encipherment']);
  return isClient ? undefined : `invalid usages for client certificate: [${usages.join(' ')}]`;
}

export interface Recognizer {
  /** What its requester must be allowed to create. */
  subresource: 'selfnodeclient' | 'nodeclient';
  message: string;
}

/** Kinds of request that are approved when their requester may ask for them, the narrower first. */
export function recognized(request: Request, facts: RequestFacts): Recognizer[] {
  if (request.spec?.signerName !== SIGNERS.kubeletClient || whyNoKubeletClient(facts, request.spec.usages ?? [])) return [];
  const any: Recognizer = { subresource: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' };
  if (request.spec.username !== facts.commonName) return [any];
  return [{ subresource: 'selfnodeclient', message: 'Auto approving self kubelet client certificate after SubjectAccessReview.' }, any];
}

const HOUR_MS = 3_600_000;
const APPROVED_MS = HOUR_MS;
const DENIED_MS = HOUR_MS;
const PENDING_MS = 24 * HOUR_MS;

/** When a request that came to its end, or to none, is removed (cleaner/cleaner.go). */
export function removedAtMs(request: Request): number {
  const since = (type: string) => {
    const condition = request.status?.conditions?.find((each) => each.type === type);
    return condition ? Date.parse(condition.lastUpdateTime ?? request.metadata!.creationTimestamp!) : undefined;
  };
  const times = [Date.parse(request.metadata!.creationTimestamp!) + PENDING_MS];
  const approved = since('Approved');
  if (approved !== undefined && request.status?.certificate) return approved + APPROVED_MS;
  for (const at of [since('Denied'), since('Failed')]) if (at !== undefined) times.push(at + DENIED_MS);
  return approved !== undefined ? Math.max(...times) : Math.min(...times);
}
