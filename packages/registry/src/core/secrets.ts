// Secrets (registry/core/secret/strategy.go, apis/core/validation ValidateSecret, printers printSecret).

import { type corev1, DecodeError, jsonTypeName, readJson } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { append } from '@tiphys/std';
import { defineBuiltIn } from '../built-in/base.ts';
import { keyPairFault } from '../certificates/key-pair.ts';
import { integer, text, withNameAndAge } from '../rules/columns.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { decodedLength, isConfigKey } from '../rules/formats.ts';
import { checkImmutable, DATA_BYTES_MAX } from './config-maps.ts';

type Secret = corev1.Secret;
const ACCOUNT_NAME = 'kubernetes.io/service-account.name';

/** Why a text is no JSON object, in the words of Go's reader. */
function mapFault(text: string): string | undefined {
  let parsed: unknown;
  try {
    readJson(text);
    parsed = JSON.parse(text);
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
  const isMap = typeof parsed === 'object' && !Array.isArray(parsed);
  return isMap ? undefined : `json: cannot unmarshal ${jsonTypeName(parsed)} into Go value of type map[string]interface {}`;
}

function checkDockerConfig(errors: Errors, { data }: Secret, key: string): void {
  const value = data?.[key];
  if (value === undefined) {
    errors.push(fieldError.required(`data[${key}]`));
    return;
  }
  const problem = mapFault(Buffer.from(value, 'base64').toString());
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

function warnOfKeyPair({ type, data }: Secret, warn: (text: string) => void): void {
  if (type !== 'kubernetes.io/tls') return;
  const bytes = (key: string) => Buffer.from(data?.[key] ?? '', 'base64');
  const fault = keyPairFault(bytes('tls.crt'), bytes('tls.key'));
  if (fault !== undefined) warn(fault);
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
  validateCreate(secret, { warn }) {
    const errors = validate(secret);
    if (errors.length === 0) warnOfKeyPair(secret, warn);
    return errors;
  },
  validateUpdate(secret, old, { warn }) {
    const errors: Errors = [];
    if ((secret.type ?? '') !== (old.type ?? '')) errors.push(fieldError.invalid('type', secret.type ?? '', IMMUTABLE));
    checkImmutable(errors, secret, old, ['data']);
    append(errors, validate(secret));
    if (errors.length === 0) warnOfKeyPair(secret, warn);
    return errors;
  },
  selectableFields: ({ type }) => ({ type: type ?? '' }),
  columns: withNameAndAge<Secret>(
    text('Type', ({ type }) => type ?? ''),
    { ...integer<Secret>('Data', ({ data }) => Object.keys(data ?? {}).length), type: 'string' },
  ),
});
