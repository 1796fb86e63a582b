// Secrets (registry/core/secret/strategy.go, apis/core/validation ValidateSecret, printers printSecret).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { integer, text, withNameAndAge } from '../rules/columns.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { decodedLength, isConfigKey } from '../rules/formats.ts';
import { checkImmutable, DATA_BYTES_MAX } from './config-maps.ts';

type Secret = corev1.Secret;
const ACCOUNT_NAME = 'kubernetes.io/service-account.name';

function checkDockerConfig(errors: Errors, { data }: Secret, key: string): void {
  const value = data?.[key];
  if (value === undefined) {
    errors.push(fieldError.required(`data[${key}]`));
    return;
  }
  let problem: string | undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value, 'base64').toString());
    const isMap = typeof parsed === 'object' && !Array.isArray(parsed);
    if (!isMap)
      problem = `json: cannot unmarshal ${Array.isArray(parsed) ? 'array' : typeof parsed} into Go value of type map[string]interface {}`;
  } catch {
    problem = value === '' ? 'unexpected end of JSON input' : 'invalid character looking for beginning of value';
  }
  if (problem) errors.push(fieldError.invalid(`data[${key}]`, '<secret contents redacted>', problem));
}

/** What each well-known type must hold. */
function checkType(errors: Errors, secret: Secret): void {
  const has = (key: string) => secret.data?.[key] !== undefined;
  const require = (key: string) => errors.push(fieldError.required(`data[${key}]`));
  switch (secret.type) {
    case 'kubernetes.io/service-account-token':
      if (!secret.metadata?.annotations?.[ACCOUNT_NAME]) errors.push(fieldError.required(`metadata.annotations[${ACCOUNT_NAME}]`));
      break;
    case 'kubernetes.io/dockercfg':
      checkDockerConfig(errors, secret, '.dockercfg');
      break;
    case 'kubernetes.io/dockerconfigjson':
      checkDockerConfig(errors, secret, '.dockerconfigjson');
      break;
    case 'kubernetes.io/basic-auth':
      if (!has('username') && !has('password')) for (const key of ['username', 'password']) require(key);
      break;
    case 'kubernetes.io/ssh-auth':
      if (!secret.data?.['ssh-privatekey']) require('ssh-privatekey');
      break;
    case 'kubernetes.io/tls':
      for (const key of ['tls.crt', 'tls.key']) if (!has(key)) require(key);
      break;
  }
}

function validate(secret: Secret): Errors {
  const errors: Errors = [];
  let size = 0;
  for (const key in secret.data) {
    complain(errors, `data[${key}]`, key, isConfigKey(key));
    size += decodedLength(secret.data[key] ?? '');
  }
  if (size > DATA_BYTES_MAX) errors.push(fieldError.tooLong('data', DATA_BYTES_MAX));
  checkType(errors, secret);
  return errors;
}

/** What a client gave as text becomes data like the rest. */
function takeStringData(secret: Secret): void {
  if (!secret.stringData) return;
  const data = { ...secret.data };
  for (const [key, value] of Object.entries(secret.stringData)) data[key] = Buffer.from(value).toString('base64');
  secret.data = data;
  delete secret.stringData;
}

export const secrets = defineBuiltIn<Secret>('', 'v1', 'secrets', {
  prepareForCreate: takeStringData,
  prepareForUpdate(secret, old) {
    takeStringData(secret);
    // Clients of old leave the type out of updates.
    secret.type ||= old.type;
  },
  validateCreate: validate,
  validateUpdate(secret, old) {
    const errors: Errors = [];
    if ((secret.type ?? '') !== (old.type ?? '')) errors.push(fieldError.invalid('type', secret.type ?? '', IMMUTABLE));
    checkImmutable(errors, secret, old, ['data']);
    return [...errors, ...validate(secret)];
  },
  selectableFields: ({ type }) => ({ type: type ?? '' }),
  columns: withNameAndAge<Secret>(
    text('Type', ({ type }) => type ?? ''),
    { ...integer<Secret>('Data', ({ data }) => Object.keys(data ?? {}).length), type: 'string' },
  ),
});
