// Certificates that a signer puts into a request's status (apis/certificates/validation validateCertificate).
import { readCertificate } from './certificate.ts';
import { X509Fault } from './der-reader.ts';
import { pemBlocks } from './pem.ts';

/** What is wrong with the text of a certificate, or nothing; an empty one is none yet. */
export function certificateFault(text: string): string | undefined {
  if (text === '') return undefined;
  const blocks = pemBlocks(text);
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (hasHeaders) return 'no PEM block headers are permitted';
    if (bytes.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates';
    try {
      for (let at = 0; at < bytes.length; ) at += readCertificate(bytes.subarray(at)).der.length;
    } catch (error) {
      if (error instanceof X509Fault) return error.message;
      throw error;
    }
  }
  return undefined;
}
