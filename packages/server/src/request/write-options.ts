// The options of create, update and patch requests (apimachinery apis/meta/v1/validation).
import { type FieldError, fieldError, statusError } from '@tiphys/machinery';
import type { RequestContext } from './context.ts';

const FIELD_MANAGER_LENGTH_MAX = 128;

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface WriteOptions {
  dryRun: boolean;
  /** As given, or from the User-Agent as upstream takes it. */
  fieldManager: string;
  fieldValidation: FieldValidation;
}

export function dryRunErrors(values: readonly string[]): FieldError[] {
  return values.filter((value) => value !== 'All').length > 0 ? [fieldError.notSupported('dryRun', values, ['All'])] : [];
}

function managerErrors(name: string): FieldError[] {
  const errors: FieldError[] = [];
  if (name.length > FIELD_MANAGER_LENGTH_MAX) errors.push(fieldError.tooLong('fieldManager', FIELD_MANAGER_LENGTH_MAX));
  for (const character of name) {
    if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) {
      errors.push(fieldError.invalid('fieldManager', name, 'should only contain printable characters'));
      break;
    }
  }
  return errors;
}

/** The manager's name when the caller gives none: the program's name in its User-Agent. */
function managerOfAgent(agent: string | undefined): string {
  const name = (agent ?? '').split('/')[0]!;
  return name.length > FIELD_MANAGER_LENGTH_MAX ? name.slice(0, FIELD_MANAGER_LENGTH_MAX) : name;
}

/** Throws Invalid with the options' kind, such as `CreateOptions`; `others` are errors of the same options. */
export function writeOptions(
  context: RequestContext,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  others: readonly FieldError[] = [],
): WriteOptions {
  const { query } = context.info;
  const manager = query.get('fieldManager') ?? '';
  const validation = query.get('fieldValidation') ?? '';
  const errors = [...others, ...dryRunErrors(query.getAll('dryRun').filter((value) => value !== '')), ...managerErrors(manager)];
  if (!['', 'Ignore', 'Warn', 'Strict'].includes(validation)) {
    errors.push(fieldError.notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']));
  }
  if (errors.length > 0) throw statusError.invalid({ group: 'meta.k8s.io', kind }, '', errors);
  return {
    dryRun: query.getAll('dryRun').includes('All'),
    fieldManager: manager || managerOfAgent(context.request.headers['user-agent']),
    fieldValidation: (validation || 'Warn') as FieldValidation,
  };
}
