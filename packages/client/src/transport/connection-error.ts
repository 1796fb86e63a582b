// The server could not be reached, or the connection to it broke. In Go's words where kubectl shows them.
import { Retryable } from '@tiphys/std';

export class ConnectionError extends Retryable {
  override name = 'ConnectionError';
  /** Node's code, such as ECONNREFUSED. */
  readonly code: string;
  /** `host:port` of the server. */
  readonly address: string;
  /** Nothing of the request was taken: sending it again does no harm. */
  readonly unsent: boolean;

  constructor(message: string, code: string, address: string, options?: ErrorOptions & { unsent?: boolean }) {
    super(message, options);
    this.code = code;
    this.address = address;
    this.unsent = options?.unsent ?? false;
  }
}

const CONNECT_CODES: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

const CERTIFICATE_CODES: Record<string, string> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'x509: certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'x509: certificate signed by unknown authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'x509: certificate signed by unknown authority',
  CERT_HAS_EXPIRED: 'x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'x509: certificate has expired or is not yet valid',
};

export function connectionError(error: unknown, address: string, unsent = false): ConnectionError {
  if (error instanceof ConnectionError) return error;
  const code = String((error as NodeJS.ErrnoException)?.code ?? '');
  const text = error instanceof Error ? error.message : String(error);
  const options = { cause: error, unsent };
  if (CONNECT_CODES[code]) return new ConnectionError(`dial tcp ${address}: ${CONNECT_CODES[code]}`, code, address, options);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new ConnectionError(`dial tcp: lookup ${address.replace(/:\d+$/, '')}: no such host`, code, address, options);
  if (CERTIFICATE_CODES[code])
    return new ConnectionError(`tls: failed to verify certificate: ${CERTIFICATE_CODES[code]}`, code, address, options);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return new ConnectionError(`tls: failed to verify certificate: x509: ${text}`, code, address, options);
  return new ConnectionError(`${address}: ${text}`, code, address, options);
}
