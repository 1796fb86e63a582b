// ControllerRevisions (registry/apps/controllerrevision, apis/apps/validation, printers printControllerRevision).
import type { appsv1 } from '@tiphys/api';
import { fieldError, jsonEqual } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { integer, NONE, text, withNameAndAge } from '../rules/columns.ts';
import { type Errors, IMMUTABLE, nonNegative } from '../rules/errors.ts';

type ControllerRevision = appsv1.ControllerRevision;

function controllerName({ metadata }: ControllerRevision): string {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
  if (!owner) return NONE;
  const [group = ''] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [''];
  return `${owner.kind.toLowerCase()}${group ? `.${group}` : ''}/${owner.name}`;
}

export const controllerRevisions = defineBuiltIn<ControllerRevision>('apps', 'v1', 'controllerrevisions', {
  validateCreate({ revision, data }) {
    const errors: Errors = [];
    nonNegative(errors, 'revision', revision);
    if (data === undefined || data === null) errors.push(fieldError.required('data', 'data is mandatory'));
    else if (typeof data !== 'object' || Array.isArray(data)) {
      errors.push(fieldError.required('data', 'data must be a valid JSON object'));
    }
    return errors;
  },
  validateUpdate({ revision, data }, old) {
    const errors: Errors = [];
    nonNegative(errors, 'revision', revision);
    if (!jsonEqual(data ?? null, old.data ?? null)) errors.push(fieldError.invalid('data', data ?? null, IMMUTABLE));
    return errors;
  },
  columns: withNameAndAge<ControllerRevision>(
    text('Controller', controllerName),
    integer('Revision', ({ revision }) => revision ?? 0),
  ).map((column) => (column.name === 'Revision' ? { ...column, type: 'string' as const } : column)),
});
