// What containerd answered, by gRPC code (google.golang.org/grpc/codes). Everything that may pass is Retryable.
import { Retryable } from '@tiphys/std';

export const GrpcCode = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
} as const;

const NAMES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

/** An answer of the container runtime. `detail` is its text; the message is as Go's clients print it, for events. */
export class CriError extends Retryable {
  override name = 'CriError';
  readonly code: number;
  readonly detail: string;

  constructor(code: number, detail: string, options?: ErrorOptions) {
    super(`rpc error: code = ${NAMES[code] ?? code} desc = ${detail}`, options);
    this.code = code;
    this.detail = detail;
  }
}

export const isCriNotFound = (error: unknown): boolean => error instanceof CriError && error.code === GrpcCode.NOT_FOUND;
