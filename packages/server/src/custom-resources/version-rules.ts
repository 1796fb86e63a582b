// Rules of what a definition says of one version, or of all (apiextensions apis/apiextensions/validation/validation.go).

import { cel, conversionFault, definitionSchemaErrors, type FieldError, fieldError, type JsonSchema } from '@tiphys/machinery';
import { append } from '@tiphys/std';
import type { Definition } from './conditions.ts';
import { judgeEmbedded } from './embedded.ts';
import type { Described } from './internal-form.ts';

type Version = Definition['spec']['versions'][number];
type Column = NonNullable<Described['additionalPrinterColumns']>[number];

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const SELECTABLE_FIELDS_MAX = 8;
const SELECTABLE_TYPES = ['string', 'boolean', 'integer'];
const WARNING_LENGTH_MAX = 256;

export const schemaOf = (described: Described) => described.schema?.openAPIV3Schema as JsonSchema | undefined;

function simplePathErrors(at: string, path: string): FieldError[] {
  return path.startsWith('.') ? [] : [fieldError.invalid(at, path, 'must be a simple json path starting with .')];
}

function replicaPathErrors(at: string, path: string | undefined, parent: '.spec' | '.status'): FieldError[] {
  if (!path) return [fieldError.required(at)];
  const errors = simplePathErrors(at, path);
  if (errors.length > 0 || path.startsWith(`${parent}.`)) return errors;
  return [fieldError.invalid(at, path, `should be a json path under ${parent}`)];
}

function scaleErrors({ subresources }: Described, at: string): FieldError[] {
  const { scale } = subresources ?? {};
  if (!scale) return [];
  const errors = [
    ...replicaPathErrors(`${at}.subresources.scale.specReplicasPath`, scale.specReplicasPath, '.spec'),
    ...replicaPathErrors(`${at}.subresources.scale.statusReplicasPath`, scale.statusReplicasPath, '.status'),
  ];
  const { labelSelectorPath: path } = scale;
  if (!path) return errors;
  const field = `${at}.subresources.scale.labelSelectorPath`;
  const simple = simplePathErrors(field, path);
  if (simple.length > 0) return [...errors, ...simple];
  if (!path.startsWith('.spec.') && !path.startsWith('.status.')) {
    errors.push(fieldError.invalid(field, path, 'should be a json path under either .spec or .status'));
  }
  return errors;
}

function columnErrors({ name, type, format, jsonPath }: Column, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const types = `must be one of ${COLUMN_TYPES.join(',')}`;
  if (!name) errors.push(fieldError.required(`${at}.name`));
  if (!type) errors.push(fieldError.required(`${at}.type`, types));
  else if (!COLUMN_TYPES.includes(type)) errors.push(fieldError.invalid(`${at}.type`, type, types));
  if (format && !COLUMN_FORMATS.includes(format)) {
    errors.push(fieldError.invalid(`${at}.format`, format, `must be one of ${COLUMN_FORMATS.join(',')}`));
  }
  if (!jsonPath) errors.push(fieldError.required(`${at}.JSONPath`));
  else append(errors, simplePathErrors(`${at}.JSONPath`, jsonPath));
  return errors;
}

function selectableErrors(fields: NonNullable<Described['selectableFields']>, schema: JsonSchema, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { jsonPath }] of fields.entries()) {
    const field = `${at}[${i}].jsonPath`;
    if (!jsonPath) {
      errors.push(fieldError.required(field));
      continue;
    }
    const found = cel.readFieldPath(jsonPath, schema, false);
    if (typeof found === 'string') {
      errors.push(fieldError.invalid(field, jsonPath, `is an invalid path: ${found}`));
      continue;
    }
    if (found.root === 'metadata') errors.push(fieldError.invalid(field, jsonPath, 'must not point to fields in metadata'));
    if (!SELECTABLE_TYPES.includes(found.schema?.type ?? '')) {
      const why = 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
      errors.push(fieldError.invalid(field, jsonPath, why));
    }
    if (seen.has(found.text)) errors.push(fieldError.duplicate(field, jsonPath));
    seen.add(found.text);
  }
  if (seen.size > SELECTABLE_FIELDS_MAX) errors.push(fieldError.tooMany(at, seen.size, SELECTABLE_FIELDS_MAX));
  return errors;
}

/** `at` is the version or the whole spec, `schemaAt` where its schema stands, `missing` what is said of fields without a schema. */
export function describedErrors(described: Described, at: string, schemaAt: string, hasStatus: boolean, missing: string): FieldError[] {
  const schema = schemaOf(described);
  const errors = schema ? definitionSchemaErrors(schema, schemaAt, hasStatus, judgeEmbedded) : [];
  append(errors, scaleErrors(described, at));
  for (const [i, column] of (described.additionalPrinterColumns ?? []).entries()) {
    append(errors, columnErrors(column, `${at}.additionalPrinterColumns[${i}]`));
  }
  const selectable = described.selectableFields ?? [];
  if (selectable.length === 0) return errors;
  const field = `${at}.selectableFields`;
  if (!schema) return [...errors, fieldError.invalid(field, '', missing)];
  // Read once more for these, which is told where a version would have it.
  const fault = conversionFault(schema);
  if (fault !== undefined) errors.push(fieldError.invalid(`${at}.schema.openAPIV3Schema`, '', fault));
  return [...errors, ...selectableErrors(selectable, schema, field)];
}

/** What versions say to those who use them. */
export function warningErrors({ deprecated, deprecationWarning: warning }: Version, at: string): FieldError[] {
  if (warning === undefined || warning === null) return [];
  const invalid = (why: string) => fieldError.invalid(`${at}.deprecationWarning`, warning, why);
  if (!deprecated) return [invalid('can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (Buffer.byteLength(warning) > WARNING_LENGTH_MAX) errors.push(invalid(`must be <= ${WARNING_LENGTH_MAX} characters long`));
  if (warning === '') errors.push(invalid('must not be an empty string'));
  const strange = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(warning);
  if (strange) {
    const index = Buffer.byteLength(warning.slice(0, strange.index));
    errors.push(invalid(`must only contain printable UTF-8 characters; non-printable character found at index ${index}`));
  }
  return errors;
}
