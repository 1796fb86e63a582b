// ConfigMaps (registry/core/configmap/strategy.go, apis/core/validation ValidateConfigMap, printers printConfigMap).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { integer, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors } from '../rules/errors.ts';
import { byteLength, decodedLength, isConfigKey } from '../rules/formats.ts';

type ConfigMap = corev1.ConfigMap;
export const DATA_BYTES_MAX = 1024 * 1024;

/** Data that said it would not change. */
export function checkImmutable<K extends string>(errors: Errors, now: any, old: any, fields: readonly K[]): void {
  if (!old.immutable) return;
  const why = 'field is immutable when `immutable` is set';
  if (!now.immutable) errors.push(fieldError.forbidden('immutable', why));
  for (const field of fields) if (!sameValue(now[field], old[field])) errors.push(fieldError.forbidden(field, why));
}

function validate({ data, binaryData }: ConfigMap): Errors {
  const errors: Errors = [];
  let size = 0;
  for (const key in data) {
    complain(errors, `data[${key}]`, key, isConfigKey(key));
    if (binaryData && key in binaryData) {
      errors.push(fieldError.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    }
    size += byteLength(data[key] ?? '');
  }
  for (const key in binaryData) {
    complain(errors, `binaryData[${key}]`, key, isConfigKey(key));
    size += decodedLength(binaryData[key] ?? '');
  }
  if (size > DATA_BYTES_MAX) errors.push(fieldError.tooLong('', DATA_BYTES_MAX));
  return errors;
}

const count = (map: object | undefined) => Object.keys(map ?? {}).length;

export const configMaps = defineBuiltIn<ConfigMap>('', 'v1', 'configmaps', {
  validateCreate: validate,
  validateUpdate(map, old) {
    const errors: Errors = [];
    checkImmutable(errors, map, old, ['data', 'binaryData']);
    return [...errors, ...validate(map)];
  },
  columns: withNameAndAge<ConfigMap>({
    ...integer<ConfigMap>('Data', ({ data, binaryData }) => count(data) + count(binaryData)),
    type: 'string',
  }),
});
