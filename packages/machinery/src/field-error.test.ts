import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FieldError, fieldError } from './field-error.ts';

// The sentences of apimachinery util/validation/field/errors.go (ErrorBody), each without its field.
const CASES: [FieldError, string, string][] = [
  [fieldError.required('f'), 'FieldValueRequired', 'Required value'],
  [fieldError.required('f', 'name it'), 'FieldValueRequired', 'Required value: name it'],
  [fieldError.invalid('f', 'x', 'too odd'), 'FieldValueInvalid', 'Invalid value: "x": too odd'],
  [fieldError.invalid('f', 7, ''), 'FieldValueInvalid', 'Invalid value: 7'],
  [fieldError.invalid('f', undefined, 'gone'), 'FieldValueInvalid', 'Invalid value: null: gone'],
  [fieldError.invalid('f', { a: [1] }, 'odd'), 'FieldValueInvalid', 'Invalid value: {"a":[1]}: odd'],
  [fieldError.typeInvalid('f', '', 'must be a number'), 'FieldValueTypeInvalid', 'Invalid value: "": must be a number'],
  [fieldError.notSupported('f', 'c', ['a', 'b']), 'FieldValueNotSupported', 'Unsupported value: "c": supported values: "a", "b"'],
  [fieldError.notSupported('f', 'c', []), 'FieldValueNotSupported', 'Unsupported value: "c"'],
  [fieldError.forbidden('f', ''), 'FieldValueForbidden', 'Forbidden'],
  [fieldError.forbidden('f', 'not here'), 'FieldValueForbidden', 'Forbidden: not here'],
  [fieldError.duplicate('f', 'a'), 'FieldValueDuplicate', 'Duplicate value: "a"'],
  [fieldError.notFound('f', 'a'), 'FieldValueNotFound', 'Not found: "a"'],
  [fieldError.tooLong('f', 63), 'FieldValueTooLong', 'Too long: may not be more than 63 bytes'],
  [fieldError.tooLong('f', 1), 'FieldValueTooLong', 'Too long: may not be more than 1 byte'],
  [fieldError.tooLong('f', -1), 'FieldValueTooLong', 'Too long: value is too long'],
  [fieldError.tooLongCharacters('f', 2), 'FieldValueTooLong', 'Too long: may not be more than 2 characters'],
  [fieldError.tooShort('f', 1), 'FieldValueTooShort', 'Too short: must be at least 1 character'],
  [fieldError.tooMany('f', 3, 2), 'FieldValueTooMany', 'Too many: 3: must have at most 2 items'],
  [fieldError.tooMany('f', -1, 1), 'FieldValueTooMany', 'Too many: must have at most 1 item'],
  [fieldError.tooFew('f', 0, 1), 'FieldValueTooFew', 'Too few: 0: must have at least 1 item'],
  [fieldError.internal('f', 'lost'), 'InternalError', 'Internal error: lost'],
];

test('field errors read as upstream has them', () => {
  for (const [error, type, message] of CASES) assert.deepEqual(error, { type, field: 'f', message });
});
