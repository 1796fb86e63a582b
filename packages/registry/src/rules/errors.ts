// Small helpers that every rule uses: paths, and pushing a format's complaints.
import { type FieldError, fieldError } from '@tiphys/machinery';

export type Errors = FieldError[];

/** Reports what a format finds wrong with the value. */
export function complain(errors: Errors, path: string, value: unknown, messages: readonly string[]): void {
  for (const message of messages) errors.push(fieldError.invalid(path, value, message));
}

export function nonNegative(errors: Errors, path: string, value: number | undefined): void {
  if (value !== undefined && value < 0) errors.push(fieldError.invalid(path, value, 'must be greater than or equal to 0'));
}

export function positive(errors: Errors, path: string, value: number | undefined): void {
  if ((value ?? 0) <= 0) errors.push(fieldError.invalid(path, value ?? 0, 'must be greater than zero'));
}

/** Required, and one of a closed list, which is given in upstream's order. */
export function oneOf(errors: Errors, path: string, value: string | undefined, supported: readonly string[]): void {
  if (!value) errors.push(fieldError.required(path));
  else if (!supported.includes(value)) errors.push(fieldError.notSupported(path, value, supported));
}

/** One of a closed list, or absent. */
export function maybeOneOf(errors: Errors, path: string, value: string | undefined, supported: readonly string[]): void {
  if (value !== undefined && !supported.includes(value)) errors.push(fieldError.notSupported(path, value, supported));
}

export const IMMUTABLE = 'field is immutable';
