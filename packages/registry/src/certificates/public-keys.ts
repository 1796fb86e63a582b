// Public keys within requests and certificates (crypto/x509 parser.go parsePublicKey).
import { createPublicKey, type KeyObject } from 'node:crypto';
import { derObjectIdentifier } from '@tiphys/std';
import { type DerReader, TAG, X509Fault } from './der-reader.ts';

export type Algorithm = 'RSA' | 'DSA' | 'ECDSA' | 'Ed25519' | 'X25519';

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  '1.2.840.113549.1.1.1': 'RSA',
  '1.2.840.10040.4.1': 'DSA',
  '1.2.840.10045.2.1': 'ECDSA',
  '1.3.101.112': 'Ed25519',
  '1.3.101.110': 'X25519',
};
/** Names of curves and how long a point's coordinate is. */
const CURVES: Readonly<Record<string, readonly [string, number]>> = {
  '1.3.132.0.33': ['P224', 28],
  '1.2.840.10045.3.1.7': ['P256', 32],
  '1.3.132.0.34': ['P384', 48],
  '1.3.132.0.35': ['P521', 66],
};
const NULL = Buffer.from([5, 0]);
const CURVE25519_BYTES = 32;
const UNCOMPRESSED = 4;

export interface PublicKey {
  algorithm: Algorithm;
  /** Absent where nothing is ever verified with it. */
  key?: KeyObject;
}

/** An algorithm's identifier and its parameters, which may be left out. */
export function readAlgorithm(reader: DerReader): { identifier: string; parameters: Buffer } {
  const inner = reader.readSequence('AlgorithmIdentifier');
  const identifier = inner.readIdentifier();
  return { identifier, parameters: inner.isDone ? Buffer.alloc(0) : inner.read({ goType: 'RawValue' }).full };
}

function curveFault(parameters: Buffer, point: Buffer): string | undefined {
  if (parameters[0] !== TAG.identifier || parameters.length !== 2 + parameters[1]!) return 'x509: invalid ECDSA parameters';
  const known = Object.entries(CURVES).find(([dotted]) => derObjectIdentifier(dotted).equals(parameters));
  if (!known) return 'x509: unsupported elliptic curve';
  const [name, bytes] = known[1];
  if (point[0] !== UNCOMPRESSED) return 'ecdsa: invalid uncompressed public key';
  return point.length === 1 + 2 * bytes ? undefined : `invalid ${name} point encoding`;
}

function plainFault(algorithm: 'Ed25519' | 'X25519', parameters: Buffer, point: Buffer): string | undefined {
  if (parameters.length > 0) return `x509: ${algorithm} key encoded with illegal parameters`;
  if (point.length === CURVE25519_BYTES) return undefined;
  return algorithm === 'Ed25519' ? 'x509: wrong Ed25519 public key size' : 'crypto/ecdh: invalid public key';
}

const WORSE: Readonly<Record<Algorithm, string>> = {
  RSA: 'x509: invalid RSA public key',
  DSA: 'x509: invalid DSA public key',
  ECDSA: 'ecdsa: invalid public key',
  Ed25519: 'x509: wrong Ed25519 public key size',
  X25519: 'crypto/ecdh: invalid public key',
};

/** Reads a SubjectPublicKeyInfo: the key, or nothing where its algorithm is unknown. Throws X509Fault. */
export function readPublicKey(info: { identifier: string; parameters: Buffer; bits: Buffer; full: Buffer }): PublicKey | undefined {
  const algorithm = ALGORITHMS[info.identifier];
  if (!algorithm) return undefined;
  const { parameters, bits } = info;
  let fault: string | undefined;
  if (algorithm === 'RSA') fault = parameters.equals(NULL) ? undefined : 'x509: RSA key missing NULL parameters';
  else if (algorithm === 'ECDSA') fault = curveFault(parameters, bits);
  else if (algorithm !== 'DSA') fault = plainFault(algorithm, parameters, bits);
  if (fault !== undefined) throw new X509Fault(fault);
  try {
    return { algorithm, key: createPublicKey({ key: info.full, format: 'der', type: 'spki' }) };
  } catch {
    const curve = algorithm === 'ECDSA' && Object.entries(CURVES).find(([dotted]) => derObjectIdentifier(dotted).equals(parameters));
    throw new X509Fault(curve ? `${curve[1][0]} point not on curve` : WORSE[algorithm]);
  }
}
