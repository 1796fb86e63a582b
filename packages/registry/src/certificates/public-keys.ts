// Public keys within requests and certificates (crypto/x509 parser.go parsePublicKey).
import { createPublicKey, type KeyObject } from 'node:crypto';
import { derBits, derObjectIdentifier, derSequence } from '@tiphys/std';
import { DER, DerCursor, fits, isPositive } from './der-cursor.ts';
import { type DerReader, X509Fault } from './der-reader.ts';

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
const INTEGER_BYTES_MAX = 8;

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
  const identifier = new DerCursor(parameters).identifier();
  if (identifier === undefined) return 'x509: invalid ECDSA parameters';
  const curve = CURVES[identifier];
  if (!curve) return 'x509: unsupported elliptic curve';
  const [name, bytes] = curve;
  if (point[0] !== UNCOMPRESSED) return 'ecdsa: invalid uncompressed public key';
  return point.length === 1 + 2 * bytes ? undefined : `invalid ${name} point encoding`;
}

function rsaFault(parameters: Buffer, der: Buffer): string | undefined {
  if (!parameters.equals(NULL)) return 'x509: RSA key missing NULL parameters';
  const key = new DerCursor(der).inner(DER.sequence);
  if (!key) return 'x509: invalid RSA public key';
  const modulus = key.integer();
  if (!modulus) return 'x509: invalid RSA modulus';
  const exponent = key.integer();
  if (!exponent || !fits(exponent, INTEGER_BYTES_MAX)) return 'x509: invalid RSA public exponent';
  if (!isPositive(modulus)) return 'x509: RSA modulus is not a positive number';
  return isPositive(exponent) ? undefined : 'x509: RSA public exponent is not a positive number';
}

function dsaFault(parameters: Buffer, der: Buffer): string | undefined {
  const y = new DerCursor(der).integer();
  if (!y) return 'x509: invalid DSA public key';
  const list = new DerCursor(parameters).inner(DER.sequence);
  const numbers = [list?.integer(), list?.integer(), list?.integer()];
  if (numbers.includes(undefined)) return 'x509: invalid DSA parameters';
  return [y, ...numbers].every((number) => isPositive(number!)) ? undefined : 'x509: zero or negative DSA parameter';
}

function plainFault(algorithm: 'Ed25519' | 'X25519', parameters: Buffer, point: Buffer): string | undefined {
  if (parameters.length > 0) return `x509: ${algorithm} key encoded with illegal parameters`;
  if (point.length === CURVE25519_BYTES) return undefined;
  return algorithm === 'Ed25519' ? 'x509: wrong Ed25519 public key size' : 'crypto/ecdh: invalid public key';
}

const FAULTS: Readonly<Record<Algorithm, (parameters: Buffer, bits: Buffer) => string | undefined>> = {
  RSA: rsaFault,
  DSA: dsaFault,
  ECDSA: curveFault,
  Ed25519: (parameters, bits) => plainFault('Ed25519', parameters, bits),
  X25519: (parameters, bits) => plainFault('X25519', parameters, bits),
};

/** Reads a SubjectPublicKeyInfo: the key, or nothing where its algorithm is unknown. Throws X509Fault. */
export function readPublicKey(info: { identifier: string; parameters: Buffer; bits: Buffer }): PublicKey | undefined {
  const algorithm = ALGORITHMS[info.identifier];
  if (!algorithm) return undefined;
  const { parameters, bits } = info;
  const fault = FAULTS[algorithm](parameters, bits);
  if (fault !== undefined) throw new X509Fault(fault);
  try {
    // Made anew: what stands behind one of its values is let pass by Go alone.
    const der = derSequence(derSequence(derObjectIdentifier(info.identifier), parameters), derBits(bits));
    return { algorithm, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
  } catch {
    const curve = algorithm === 'ECDSA' ? CURVES[new DerCursor(parameters).identifier()!] : undefined;
    if (curve) throw new X509Fault(`${curve[0]} point not on curve`);
    // Go has nothing against numbers that no cryptography will take.
    return { algorithm };
  }
}
