// Approves kubelets' client certificates, signs what is approved, and removes requests that are done
// (pkg/controller/certificates: approver, signer, cleaner).
import { authorizationv1, certificatesv1, timeText } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { remove, wakeAt } from '../runtime/actions.ts';
import { type Controller, defineController, type ReconcileContext } from '../runtime/controller.ts';
import {
  type CertificateSigner,
  hasCondition,
  type Recognizer,
  type Request,
  recognized,
  removedAtMs,
  requestPem,
  SIGNERS,
  whyNotSigned,
} from './requests.ts';

const requests = certificatesv1.certificatesigningrequests;
const VALID_MS_MAX = 365 * 24 * 3_600_000;
const OURS: readonly string[] = Object.values(SIGNERS);

const isOpen = (request: Request) => !hasCondition(request, 'Approved') && !hasCondition(request, 'Denied');

const factsOf = (signer: CertificateSigner, request: Request) => {
  try {
    return signer.read(requestPem(request));
  } catch (error) {
    return new Error(`unable to parse csr "${request.metadata?.name}": ${(error as Error).message}`);
  }
};

async function mayAsk({ subresource }: Recognizer, request: Request, { client }: ReconcileContext): Promise<boolean> {
  const { username = '', uid, groups, extra } = request.spec!;
  const review: authorizationv1.SubjectAccessReview = {
    spec: {
      user: username,
      ...(uid ? { uid } : {}),
      ...(groups ? { groups } : {}),
      ...(extra ? { extra } : {}),
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        subresource,
        version: '*',
      },
    },
  };
  const answer = await client.of(authorizationv1.subjectaccessreviews).create(review);
  return answer.status?.allowed === true;
}

const withCondition = (request: Request, type: string, reason: string, message: string, now: string): Request => ({
  ...request,
  status: {
    ...request.status,
    conditions: [
      ...(request.status?.conditions ?? []),
      { type, status: 'True', reason, message, lastUpdateTime: now, lastTransitionTime: now },
    ],
  },
});

const approver = (signer: CertificateSigner): Controller<Request> =>
  defineController<Request>({
    name: 'certificate-controller',
    for: requests,
    triggers: isOpen,
    async reconcile(_key, request, context) {
      if (!request || !isOpen(request) || request.status?.certificate) return undefined;
      const facts = factsOf(signer, request);
      if (facts instanceof Error) throw facts;
      for (const recognizer of recognized(request, facts)) {
        if (!(await mayAsk(recognizer, request, context))) continue;
        const approved = withCondition(request, 'Approved', 'AutoApproved', recognizer.message, timeText(context.runtime.clock.now()));
        await context.client.of(requests).update(approved, { subresource: 'approval' });
        return undefined;
      }
      return undefined;
    },
  });

const signing = (signer: CertificateSigner): Controller<Request> =>
  defineController<Request>({
    name: 'certificate-controller',
    for: requests,
    triggers: (request) => hasCondition(request, 'Approved'),
    async reconcile(_key, request, { client, runtime }) {
      if (!request || !OURS.includes(request.spec?.signerName ?? '')) return undefined;
      if (!hasCondition(request, 'Approved') || hasCondition(request, 'Denied') || hasCondition(request, 'Failed')) return undefined;
      if (request.status?.certificate) return undefined;
      const facts = factsOf(signer, request);
      const usages = request.spec!.usages ?? [];
      const why = facts instanceof Error ? facts.message : whyNotSigned(request.spec!.signerName, facts, usages);
      if (why !== undefined) {
        const failed = withCondition(request, 'Failed', 'SignerValidationFailed', why, timeText(runtime.clock.now()));
        await client.of(requests).updateStatus(failed);
        return undefined;
      }
      const askedMs = request.spec!.expirationSeconds === undefined ? VALID_MS_MAX : request.spec!.expirationSeconds * 1000;
      const pem = signer.issue(requestPem(request), usages, Math.min(VALID_MS_MAX, askedMs));
      await client
        .of(requests)
        .updateStatus({ ...request, status: { ...request.status, certificate: Buffer.from(pem).toString('base64') } });
      return undefined;
    },
  });

const cleaner = defineController<Request>({
  name: 'certificate-controller',
  for: requests,
  plan({ object: request }, nowMs) {
    const atMs = removedAtMs(request);
    if (nowMs < atMs) return [wakeAt(atMs, 'its time is over')];
    return [remove(requests, request, 'it is done, or nobody answered it', { tolerate: isNotFound })];
  },
});

export const certificateControllers = (signer: CertificateSigner): Controller[] => [approver(signer), signing(signer), cleaner];
