// The one error that reaches a caller, with upstream's reasons, codes and messages (apimachinery api/errors/errors.go).
import type { FieldError } from './field-error.ts';

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** metav1.Status, as the wire carries it. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

export class StatusError extends Error {
  override name = 'StatusError';
  readonly code: number;
  readonly reason: string;
  readonly details?: StatusDetails;

  constructor(code: number, reason: string, message: string, details?: StatusDetails, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  status(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason ? { reason: this.reason } : {}),
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    };
  }
}

interface Subject {
  group: string;
  resource: string;
}

const named = (subject: Subject) => (subject.group === '' ? subject.resource : `${subject.resource}.${subject.group}`);
const detailsOf = (subject: Subject, name?: string): StatusDetails => ({
  ...(name ? { name } : {}),
  ...(subject.group ? { group: subject.group } : {}),
  ...(subject.resource ? { kind: subject.resource } : {}),
});

/** Faults that one answer tells. Nobody reads more, and a body can be made to have hundreds of thousands. */
export const FAULTS_TOLD_MAX = 1000;
/** What the sentences of all but the first may come to: each may show what was sent. */
const FAULTS_TEXT_MAX = 1024 * 1024;

function told(errors: readonly FieldError[]): readonly FieldError[] {
  let length = 0;
  let count = 0;
  for (; count < errors.length && count < FAULTS_TOLD_MAX && length < FAULTS_TEXT_MAX; count++) length += errors[count]!.message.length;
  return count === errors.length ? errors : errors.slice(0, count);
}

/** Constructors named as upstream names them. */
export const statusError = {
  notFound: (subject: Subject, name: string) =>
    new StatusError(404, 'NotFound', `${named(subject)} ${JSON.stringify(name)} not found`, detailsOf(subject, name)),
  alreadyExists: (subject: Subject, name: string) =>
    new StatusError(409, 'AlreadyExists', `${named(subject)} ${JSON.stringify(name)} already exists`, detailsOf(subject, name)),
  /** A generated name was taken; the caller may simply try again. */
  generateNameConflict: (subject: Subject, name: string, retryAfterSeconds: number) =>
    new StatusError(
      409,
      'AlreadyExists',
      `${named(subject)} ${JSON.stringify(name)} already exists, the server was not able to generate a unique name for the object`,
      { ...detailsOf(subject, name), ...(retryAfterSeconds ? { retryAfterSeconds } : {}) },
    ),
  conflict: (subject: Subject, name: string, why: string) =>
    new StatusError(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${named(subject)} ${JSON.stringify(name)}: ${why}`,
      detailsOf(subject, name),
    ),
  forbidden: (subject: Subject, name: string, why: string) =>
    new StatusError(
      403,
      'Forbidden',
      subject.resource === '' && subject.group === ''
        ? `forbidden: ${why}`
        : name === ''
          ? `${named(subject)} is forbidden: ${why}`
          : `${named(subject)} ${JSON.stringify(name)} is forbidden: ${why}`,
      detailsOf(subject, name),
    ),
  /** Server-side apply met fields that others own; see apply/conflicts.ts for the causes. */
  applyConflict: (message: string, causes: StatusCause[]) => new StatusError(409, 'Conflict', message, { causes }),
  unauthorized: (why = 'Unauthorized') => new StatusError(401, 'Unauthorized', why),
  badRequest: (why: string) => new StatusError(400, 'BadRequest', why),
  invalid: (kind: { group: string; kind: string }, name: string, found: readonly FieldError[]) => {
    const qualified = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
    const errors = told(found);
    const lines = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))];
    const list = lines.length === 0 ? '' : lines.length === 1 ? `: ${lines[0]}` : `: [${lines.join(', ')}]`;
    return new StatusError(422, 'Invalid', `${qualified} ${JSON.stringify(name)} is invalid${list}`, {
      ...(name ? { name } : {}),
      ...(kind.group ? { group: kind.group } : {}),
      ...(kind.kind ? { kind: kind.kind } : {}),
      ...(errors.length ? { causes: errors.map((e) => ({ reason: e.type, message: e.message, field: e.field })) } : {}),
    });
  },
  gone: (why: string) => new StatusError(410, 'Gone', why),
  expired: (why: string) => new StatusError(410, 'Expired', why),
  methodNotSupported: (subject: Subject, action: string) =>
    new StatusError(
      405,
      'MethodNotAllowed',
      `${action} is not supported on resources of kind ${JSON.stringify(named(subject))}`,
      detailsOf(subject),
    ),
  tooManyRequests: (why: string, retryAfterSeconds: number) =>
    new StatusError(429, 'TooManyRequests', why, { ...(retryAfterSeconds ? { retryAfterSeconds } : {}) }),
  /** The server ran out of time before it began; the caller may try again. */
  serverTimeout: (subject: Subject, operation: string, retryAfterSeconds: number) =>
    new StatusError(
      500,
      'ServerTimeout',
      `The ${operation} operation against ${named(subject)} could not be completed at this time, please try again.`,
      { ...detailsOf(subject, operation), ...(retryAfterSeconds ? { retryAfterSeconds } : {}) },
    ),
  timeout: (why: string, retryAfterSeconds = 0) =>
    new StatusError(504, 'Timeout', `Timeout: ${why}`, { ...(retryAfterSeconds ? { retryAfterSeconds } : {}) }),
  internal: (why: string, cause?: unknown) =>
    new StatusError(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] }, { cause }),
  serviceUnavailable: (why: string) => new StatusError(503, 'ServiceUnavailable', why),
  notImplemented: (why: string) => new StatusError(501, 'NotImplemented', why),
  unsupportedMediaType: (why: string) => new StatusError(415, 'UnsupportedMediaType', why),
  notAcceptable: (why: string) => new StatusError(406, 'NotAcceptable', why),
  requestEntityTooLarge: (why: string) => new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: ${why}`),
};

export const isStatus = (error: unknown, reason: string): error is StatusError => error instanceof StatusError && error.reason === reason;
export const isNotFound = (error: unknown) => isStatus(error, 'NotFound');
export const isConflict = (error: unknown) => isStatus(error, 'Conflict');
export const isAlreadyExists = (error: unknown) => isStatus(error, 'AlreadyExists');
