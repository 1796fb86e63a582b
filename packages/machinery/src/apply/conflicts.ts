// What is said when an applied field belongs to someone else (apimachinery managedfields/internal/conflict.go).
import { type StatusError, statusError } from '../status-error.ts';
import { type FieldTree, pathsOf } from './field-tree.ts';
import { identityOf, type Manager } from './managers.ts';

export interface Conflict {
  manager: Manager;
  fields: FieldTree;
}

function shown(manager: Manager): string {
  const name = JSON.stringify(manager.name) + (manager.subresource ? ` with subresource ${JSON.stringify(manager.subresource)}` : '');
  return manager.operation === 'Update' ? `${name} using ${manager.apiVersion}` : name;
}

/** The 409 with a cause per field. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const sorted = [...conflicts].sort((a, b) => (identityOf(a.manager) < identityOf(b.manager) ? -1 : 1));
  const all = sorted.flatMap(({ manager, fields }) => pathsOf(fields).map((path) => ({ manager, path })));
  const causes = all.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${shown(manager)}`,
    field: path,
  }));
  if (all.length === 1) {
    const { manager, path } = all[0]!;
    return statusError.applyConflict(`Apply failed with 1 conflict: conflict with ${shown(manager)}: ${path}`, causes);
  }
  const lines = sorted.flatMap(({ manager, fields }) => [
    `conflicts with ${shown(manager)}:`,
    ...pathsOf(fields).map((path) => `- ${path}`),
  ]);
  return statusError.applyConflict(`Apply failed with ${all.length} conflicts: ${lines.join('\n')}`, causes);
}
