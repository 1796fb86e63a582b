// Names that come in a body and lead to a stored object (apiserver registry/generic/registry/store.go, NamespaceKeyFunc).
import { statusError } from '@tiphys/machinery';
import { nameIsPathSegment } from './formats.ts';

/** Refuses a name that no key can have. */
export function checkKeyName(name: string): void {
  if (name === '') throw statusError.badRequest('Name parameter required.');
  const faults = nameIsPathSegment(name, false);
  if (faults.length > 0) throw statusError.badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${faults.join(';')}`);
}
