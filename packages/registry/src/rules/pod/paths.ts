// Paths inside volumes (apis/core/validation validateLocalDescendingPath and its kin).
import { fieldError } from '@tiphys/machinery';
import type { Errors } from '../errors.ts';

export function checkNoBacksteps(errors: Errors, path: string, value: string): void {
  if (value.includes('..') && value.split('/').includes('..')) {
    errors.push(fieldError.invalid(path, value, "must not contain '..'"));
  }
}

/** Relative, and never upwards. */
export function checkDescending(errors: Errors, path: string, value: string): void {
  if (value.startsWith('/')) errors.push(fieldError.invalid(path, value, 'must be a relative path'));
  checkNoBacksteps(errors, path, value);
}

/** As checkDescending, and clear of the names that atomic updates use. */
export function checkNonReserved(errors: Errors, path: string, value: string): void {
  checkDescending(errors, path, value);
  if (value.startsWith('..') && !value.startsWith('../')) {
    errors.push(fieldError.invalid(path, value, "must not start with '..'"));
  }
}
