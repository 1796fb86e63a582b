// Who may approve, sign and attest for a signer (plugin/pkg/admission/certificates; pkg/registry/certificates/… authorization).
import { isDeepStrictEqual } from 'node:util';
import type { certificatesv1 } from '@tiphys/api';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from '../interfaces.ts';
import { forbidden, isResource } from './attributes.ts';
import { organizationsOf } from './certificate-request.ts';

const GROUP = 'certificates.k8s.io';
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

type Request = certificatesv1.CertificateSigningRequest;

/** Allowed for the signer itself, or for all of its domain (`example.com/*`). */
async function mayUseSigner({ user }: AdmissionAttributes, authorizer: Authorizer, verb: string, signer: string): Promise<boolean> {
  const ask = async (name: string) => {
    const decision = await authorizer.authorize({
      user,
      verb,
      isResourceRequest: true,
      path: '',
      apiGroup: GROUP,
      apiVersion: '*',
      namespace: '',
      resource: 'signers',
      subresource: '',
      name,
    });
    return decision.decision === 'allow';
  };
  return (await ask(signer)) || (await ask(`${signer.split('/')[0]}/*`));
}

const isRequest = (attributes: AdmissionAttributes, subresource: string, operation: AdmissionAttributes['operation']) =>
  isResource(attributes, GROUP, 'certificatesigningrequests') &&
  attributes.subresource === subresource &&
  attributes.operation === operation;

export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  const approval = async (attributes: AdmissionAttributes) => {
    const { signerName } = (attributes.oldObject as Request).spec;
    if (await mayUseSigner(attributes, authorizer, 'approve', signerName)) return;
    throw forbidden(attributes, `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`);
  };
  return {
    name: 'CertificateApproval',
    validate: (attributes) => (isRequest(attributes, 'approval', 'UPDATE') ? approval(attributes) : undefined),
  };
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  const signing = async (attributes: AdmissionAttributes) => {
    const old = attributes.oldObject as Request;
    const { status } = attributes.object as Request;
    const conditions = (each: Request['status']) => JSON.parse(JSON.stringify(each?.conditions ?? []));
    if (status?.certificate === old.status?.certificate && isDeepStrictEqual(conditions(status), conditions(old.status))) return;
    const { signerName } = old.spec;
    if (await mayUseSigner(attributes, authorizer, 'sign', signerName)) return;
    throw forbidden(attributes, `user not permitted to sign requests with signerName ${JSON.stringify(signerName)}`);
  };
  return {
    name: 'CertificateSigning',
    validate: (attributes) => (isRequest(attributes, 'status', 'UPDATE') ? signing(attributes) : undefined),
  };
}

export function certificateSubjectRestriction(): AdmissionPlugin {
  return {
    name: 'CertificateSubjectRestriction',
    validate(attributes) {
      if (!isRequest(attributes, '', 'CREATE')) return;
      const { signerName, request } = (attributes.object as Request).spec;
      if (signerName !== CLIENT_SIGNER) return;
      let organizations: string[];
      try {
        organizations = organizationsOf(request);
      } catch (error) {
        throw forbidden(attributes, `failed to parse CSR: ${(error as Error).message}`);
      }
      if (organizations.includes('system:masters')) {
        throw forbidden(attributes, `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`);
      }
    },
  };
}
