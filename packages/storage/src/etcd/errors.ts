// What etcd, or the way to it, has against a request (etcd api/v3rpc/rpctypes/error.go), in words for an operator.
import { Retryable } from '@tiphys/std';

export const Code = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  OUT_OF_RANGE: 11,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** The server's text for errors whose code alone says too little. */
const TEXT = {
  compacted: 'mvcc: required revision has been compacted',
  noSpace: 'mvcc: database space exceeded',
  noLeader: 'no leader',
  leaseNotFound: 'requested lease not found',
  tooLarge: 'request is too large',
  oldAuthRevision: 'revision of auth store is old',
  userEmpty: 'user name is empty',
} as const;

/** Codes after which nobody knows whether a write happened, unless it was never sent. */
const UNCERTAIN = new Set<number>([Code.CANCELLED, Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.UNAVAILABLE]);
/** What gRPC says of a request that it had no connection to send on. */
const NEVER_SENT = /^(?:the connection is closed|No connection established|Name resolution failed|Received HTTP status code 5)/;

const ADVICE: readonly (readonly [string, string])[] = [
  [TEXT.noSpace, 'etcd is out of space (alarm NOSPACE) and takes no writes: compact, defragment and disarm it, or raise its quota'],
  [TEXT.noLeader, 'etcd has no leader: a majority of its members has to be up and reachable'],
  [TEXT.tooLarge, 'the object is larger than etcd takes in one request (--max-request-bytes)'],
];

export class EtcdError extends Retryable {
  override name = 'EtcdError';
  readonly code: number;
  readonly detail: string;
  /** A write may have happened although it was answered with this. */
  readonly uncertain: boolean;

  constructor(code: number, detail: string, endpoint: string, options?: ErrorOptions) {
    super(messageOf(code, detail, endpoint), options);
    this.code = code;
    this.detail = detail;
    this.uncertain = UNCERTAIN.has(code) && !NEVER_SENT.test(detail) && !detail.endsWith(TEXT.noLeader);
  }
}

function messageOf(code: number, detail: string, endpoint: string): string {
  const advice = ADVICE.find(([text]) => detail.endsWith(text));
  if (advice) return advice[1];
  if (code === Code.UNAVAILABLE && NEVER_SENT.test(detail))
    return `etcd at ${endpoint} can't be reached: ${detail.replace(/\.? ?Resolution note: $/, '')}`;
  if (code === Code.DEADLINE_EXCEEDED) return `etcd at ${endpoint} did not answer in time`;
  return `etcd at ${endpoint}: ${detail}`;
}

const has = (error: unknown, text: string): boolean => error instanceof EtcdError && error.detail.endsWith(text);

export const isCompacted = (error: unknown): boolean => has(error, TEXT.compacted);
export const isLeaseGone = (error: unknown): boolean => has(error, TEXT.leaseNotFound);
/** Another member may do better. */
export const isMembersTrouble = (error: unknown): boolean =>
  error instanceof EtcdError && (error.code === Code.UNAVAILABLE || error.code === Code.DEADLINE_EXCEEDED || error.code === Code.CANCELLED);
/** One side does not accept the other's certificate; waiting does not help. */
export const isCertificatesTrouble = (error: unknown): boolean =>
  error instanceof EtcdError && NEVER_SENT.test(error.detail) && /certificate|ERR_TLS|SSL|alert/i.test(error.detail);
/** A new token helps. */
export const isTokensTrouble = (error: unknown): boolean =>
  (error instanceof EtcdError && error.code === Code.UNAUTHENTICATED) || has(error, TEXT.oldAuthRevision) || has(error, TEXT.userEmpty);

/** The etcd that answers is not the one that this cluster's state is in; trying again does not help. */
export class OtherEtcdError extends Error {
  override name = 'OtherEtcdError';
}
