// Why a connection could not be made, in the words that Go has for it: people search for them.

interface SystemError extends Error {
  code?: string;
  address?: string;
  port?: number;
  hostname?: string;
  cert?: { subjectaltname?: string };
  host?: string;
}

const DIAL: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};
const UNKNOWN_AUTHORITY = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
]);
const CERTIFICATE = 'tls: failed to verify certificate: x509:';

function namesText({ cert, host = '' }: SystemError): string {
  const names = (cert?.subjectaltname ?? '').split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
  const valid = names.filter((name) => name !== '');
  return valid.length > 0
    ? `certificate is valid for ${valid.join(', ')}, not ${host}`
    : `certificate is not valid for any names, but wanted to match ${host}`;
}

export function connectionText(error: Error): string {
  const { code = '', address = '', port, hostname } = error as SystemError;
  const dialed = DIAL[code];
  if (dialed && address) return `dial tcp ${address.includes(':') ? `[${address}]` : address}:${port}: ${dialed}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `dial tcp: lookup ${hostname}: no such host`;
  if (code === 'ECONNRESET') return 'EOF';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return `${CERTIFICATE} certificate has expired or is not yet valid`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `${CERTIFICATE} ${namesText(error as SystemError)}`;
  if (UNKNOWN_AUTHORITY.has(code)) return `${CERTIFICATE} certificate signed by unknown authority`;
  return error.message;
}
