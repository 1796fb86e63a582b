// Certificates that webhooks are believed by (apiserver util/webhook/validation.go ValidateCABundle; client-go transport rootCertPool).
import { readOneCertificate } from './certificate.ts';
import { X509Fault } from './der-reader.ts';
import { pemParts } from './pem.ts';

function certificateFault(bytes: Buffer): string | undefined {
  try {
    readOneCertificate(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof X509Fault) return error.message;
    throw error;
  }
}

/** Why a bundle, in base64, holds nobody who could be believed. An empty one is none: the machine's own are. */
export function authorityBundleFault(bundle: string | undefined): string | undefined {
  if (!bundle) return undefined;
  const { blocks, rest } = pemParts(Buffer.from(bundle, 'base64').toString('latin1'));
  const faults = blocks.filter(({ type, hasHeaders }) => type === 'CERTIFICATE' && !hasHeaders).map(({ bytes }) => certificateFault(bytes));
  if (faults.includes(undefined)) return undefined;
  const unable = 'unable to load root certificates';
  if (faults.length > 0) return `${unable}: failed to parse certificate: ${faults[0]}`;
  return rest === '' ? `${unable}: no valid certificate authority data seen` : `${unable}: unable to parse bytes as PEM block`;
}
