// Validation errors with upstream's types and wording (apimachinery util/validation/field/errors.go).

export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTooFew'
  | 'FieldValueTooShort'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

export interface FieldError {
  type: FieldErrorType;
  /** Such as `spec.containers[0].name`. */
  field: string;
  /** The whole message without the field: `Invalid value: "x": must be …`. */
  message: string;
}

/** The value as upstream prints it: strings quoted, objects as JSON. */
function shown(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  return value === undefined || value === null ? 'null' : JSON.stringify(value);
}

const counted = (count: number, unit: string) => `${count} ${unit}${count === 1 ? '' : 's'}`;
const detailed = (text: string, detail: string) => (detail === '' ? text : `${text}: ${detail}`);

export const fieldError = {
  required: (field: string, detail = ''): FieldError => ({
    type: 'FieldValueRequired',
    field,
    message: detailed('Required value', detail),
  }),
  invalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: 'FieldValueInvalid',
    field,
    message: detailed(`Invalid value: ${shown(value)}`, detail),
  }),
  typeInvalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: 'FieldValueTypeInvalid',
    field,
    message: detailed(`Invalid value: ${shown(value)}`, detail),
  }),
  notSupported: (field: string, value: unknown, supported: readonly string[]): FieldError => ({
    type: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${shown(value)}${supported.length ? `: supported values: ${supported.map((v) => JSON.stringify(v)).join(', ')}` : ''}`,
  }),
  forbidden: (field: string, detail: string): FieldError => ({
    type: 'FieldValueForbidden',
    field,
    message: detailed('Forbidden', detail),
  }),
  duplicate: (field: string, value: unknown): FieldError => ({
    type: 'FieldValueDuplicate',
    field,
    message: `Duplicate value: ${shown(value)}`,
  }),
  notFound: (field: string, value: unknown): FieldError => ({ type: 'FieldValueNotFound', field, message: `Not found: ${shown(value)}` }),
  /** maxLength is in bytes; a negative one is unknown. */
  tooLong: (field: string, maxLength: number): FieldError => ({
    type: 'FieldValueTooLong',
    field,
    message: `Too long: ${maxLength < 0 ? 'value is too long' : `may not be more than ${counted(maxLength, 'byte')}`}`,
  }),
  tooLongCharacters: (field: string, maxLength: number): FieldError => ({
    type: 'FieldValueTooLong',
    field,
    message: `Too long: ${maxLength < 0 ? 'value is too long' : `may not be more than ${counted(maxLength, 'character')}`}`,
  }),
  tooShort: (field: string, minLength: number): FieldError => ({
    type: 'FieldValueTooShort',
    field,
    message: `Too short: ${minLength < 0 ? 'value is too short' : `must be at least ${counted(minLength, 'character')}`}`,
  }),
  tooMany: (field: string, count: number, maxCount: number): FieldError => ({
    type: 'FieldValueTooMany',
    field,
    message: `Too many${count < 0 ? '' : `: ${count}`}: ${maxCount < 0 ? 'has too many items' : `must have at most ${counted(maxCount, 'item')}`}`,
  }),
  tooFew: (field: string, count: number, minCount: number): FieldError => ({
    type: 'FieldValueTooFew',
    field,
    message: `Too few${count < 0 ? '' : `: ${count}`}: ${minCount < 0 ? 'has too few items' : `must have at least ${counted(minCount, 'item')}`}`,
  }),
  internal: (field: string, detail: string): FieldError => ({ type: 'InternalError', field, message: `Internal error: ${detail}` }),
};
