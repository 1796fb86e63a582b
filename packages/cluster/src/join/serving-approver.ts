// Approves the certificates that nodes show as HTTPS servers, where upstream leaves it to somebody else: a node gets one for the one
// address that follows from its pod range, and for no name, so that none can pass for the API server or for another node.
import { certificatesv1, corev1, timeText } from '@tiphys/api';
import { type Controller, defineController, type RequestFacts } from '@tiphys/controllers';
import { addressAt, isWithin } from '../addresses.ts';
import { NODE_PREFIX_LENGTH } from '../configuration.ts';

export const APPROVER_USER = 'tiphys:kubelet-serving-approver';
const SIGNER = 'kubernetes.io/kubelet-serving';
const NODE_PREFIX = 'system:node:';
const NODES_GROUP = 'system:nodes';

type Request = certificatesv1.CertificateSigningRequest;

const isOpen = (request: Request): boolean =>
  request.spec?.signerName === SIGNER &&
  !request.status?.certificate &&
  !request.status?.conditions?.some(({ type }) => type === 'Approved' || type === 'Denied' || type === 'Failed');

const isOne = (texts: readonly string[] | undefined, text: string) => texts?.length === 1 && texts[0] === text;

export interface ApprovalWorld {
  /** The cluster's pod range. */
  podCidr: string;
  /** The first node's, which never asks. */
  taken: readonly string[];
  nodes: readonly corev1.Node[];
}

/** Whether the node that asks may show itself as what it asks for. Pure. */
export function isOwnServing(request: Request, facts: RequestFacts, { podCidr, taken, nodes }: ApprovalWorld): boolean {
  const { username = '', groups = [] } = request.spec!;
  const name = username.slice(NODE_PREFIX.length);
  if (!username.startsWith(NODE_PREFIX) || !groups.includes(NODES_GROUP)) return false;
  if (facts.commonName !== username || !isOne(facts.organizations, NODES_GROUP)) return false;
  if (facts.dnsNames.length > 0 || facts.emailAddresses.length > 0 || facts.uris.length > 0) return false;
  const range = nodes.find((node) => node.metadata!.name === name)?.spec?.podCIDR;
  if (range === undefined || !range.endsWith(`/${NODE_PREFIX_LENGTH}`) || !isWithin(podCidr, addressAt(range, 0))) return false;
  // A node may write its range when it registers: not one that is another's.
  const others = nodes.filter((node) => node.metadata!.name !== name).map((node) => node.spec?.podCIDR);
  const isShared = [...taken, ...others].some((other) => other !== undefined && isWithin(range, addressAt(other, 0)));
  return !isShared && isOne(facts.ipAddresses, addressAt(range, 1));
}

export interface ServingApproverOptions {
  podCidr: string;
  taken: readonly string[];
  read(requestPem: string): RequestFacts;
}

export function servingApprover({ podCidr, taken, read }: ServingApproverOptions): Controller<Request> {
  return defineController<Request>({
    name: 'kubelet-serving-approver',
    user: APPROVER_USER,
    for: certificatesv1.certificatesigningrequests,
    triggers: isOpen,
    reads: [corev1.nodes],
    async reconcile(_key, request, { client, runtime, snapshot }) {
      if (!request || !isOpen(request)) return undefined;
      const facts = read(Buffer.from(request.spec!.request!, 'base64').toString('latin1'));
      if (!isOwnServing(request, facts, { podCidr, taken, nodes: snapshot.list(corev1.nodes) })) return undefined;
      const now = timeText(runtime.clock.now());
      const approved: certificatesv1.CertificateSigningRequestCondition = {
        type: 'Approved',
        status: 'True',
        reason: 'AutoApproved',
        message: 'The node asks for its own address.',
        lastUpdateTime: now,
        lastTransitionTime: now,
      };
      const status = { ...request.status, conditions: [...(request.status?.conditions ?? []), approved] };
      await client.of(certificatesv1.certificatesigningrequests).update({ ...request, status }, { subresource: 'approval' });
      return undefined;
    },
  });
}
