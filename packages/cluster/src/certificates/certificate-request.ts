// Asks for a certificate by a PKCS#10 request (RFC 2986), as kubelets do: over a key that never leaves the machine.
import { createPrivateKey, sign } from 'node:crypto';
import { derBits, derInteger, derObjectIdentifier, derOctets, derSequence, derSet, derValue } from '@tiphys/std';
import { algorithm, alternativeNames, nameOf, OID, publicKeyInfo } from './x509.ts';

export interface RequestedSubject {
  commonName: string;
  organizations: readonly string[];
  /** DNS names and IP addresses a server answers to. */
  hosts?: readonly string[];
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/** PEM. */
export function certificateRequest(privateKeyPem: string, subject: RequestedSubject): string {
  const key = createPrivateKey(privateKeyPem);
  const { hosts = [] } = subject;
  const names = derSequence(derObjectIdentifier(OID.subjectAlternativeName), derOctets(alternativeNames(hosts)));
  const attributes = hosts.length > 0 ? [derSequence(derObjectIdentifier(EXTENSION_REQUEST), derSet(derSequence(names)))] : [];
  const info = derSequence(
    derInteger(Buffer.of(0)),
    nameOf(subject.commonName, subject.organizations),
    publicKeyInfo(key),
    derValue(0xa0, ...attributes),
  );
  const request = derSequence(info, algorithm, derBits(sign('sha256', info, key)));
  const lines = request.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`;
}
