import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldError } from './field-error.ts';
import { isAlreadyExists, isConflict, isNotFound, type StatusError, statusError } from './status-error.ts';

const pods = { group: '', resource: 'pods' };
const deployments = { group: 'apps', resource: 'deployments' };
const nothing = { group: '', resource: '' };

test('an error is on the wire what upstream sends', () => {
  assert.deepEqual(statusError.notFound(deployments, 'web').status(), {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'deployments.apps "web" not found',
    reason: 'NotFound',
    details: { name: 'web', group: 'apps', kind: 'deployments' },
    code: 404,
  });
  assert.deepEqual(statusError.unauthorized().status(), {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Unauthorized',
    reason: 'Unauthorized',
    code: 401,
  });
});

test('each kind of failure has its code, reason and sentence', () => {
  const cases: [StatusError, number, string, string][] = [
    [statusError.alreadyExists(pods, 'a'), 409, 'AlreadyExists', 'pods "a" already exists'],
    [
      statusError.generateNameConflict(pods, 'a-x', 1),
      409,
      'AlreadyExists',
      'pods "a-x" already exists, the server was not able to generate a unique name for the object',
    ],
    [statusError.conflict(pods, 'a', 'it changed'), 409, 'Conflict', 'Operation cannot be fulfilled on pods "a": it changed'],
    [statusError.forbidden(pods, 'a', 'no'), 403, 'Forbidden', 'pods "a" is forbidden: no'],
    [statusError.forbidden(deployments, '', 'no'), 403, 'Forbidden', 'deployments.apps is forbidden: no'],
    [statusError.forbidden(nothing, '', 'no'), 403, 'Forbidden', 'forbidden: no'],
    [statusError.badRequest('what?'), 400, 'BadRequest', 'what?'],
    [statusError.gone('old'), 410, 'Gone', 'old'],
    [statusError.expired('old'), 410, 'Expired', 'old'],
    [
      statusError.methodNotSupported(deployments, 'patch'),
      405,
      'MethodNotAllowed',
      'patch is not supported on resources of kind "deployments.apps"',
    ],
    [statusError.tooManyRequests('later', 1), 429, 'TooManyRequests', 'later'],
    [
      statusError.serverTimeout(pods, 'list', 2),
      500,
      'ServerTimeout',
      'The list operation against pods could not be completed at this time, please try again.',
    ],
    [statusError.timeout('slow'), 504, 'Timeout', 'Timeout: slow'],
    [statusError.internal('oh'), 500, 'InternalError', 'Internal error occurred: oh'],
    [statusError.serviceUnavailable('away'), 503, 'ServiceUnavailable', 'away'],
    [statusError.unsupportedMediaType('xml'), 415, 'UnsupportedMediaType', 'xml'],
    [statusError.notAcceptable('xml'), 406, 'NotAcceptable', 'xml'],
    [statusError.requestEntityTooLarge('limit is 3'), 413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3'],
  ];
  for (const [error, code, reason, message] of cases) assert.deepEqual([error.code, error.reason, error.message], [code, reason, message]);
});

test('an invalid object lists what is wrong, once each', () => {
  const kind = { group: 'apps', kind: 'Deployment' };
  const one = fieldError.required('spec.selector');
  assert.equal(statusError.invalid(kind, 'web', [one]).message, 'Deployment.apps "web" is invalid: spec.selector: Required value');
  const other = fieldError.invalid('spec.replicas', -1, 'must be greater than or equal to 0');
  const both = statusError.invalid(kind, 'web', [one, other, one]);
  assert.equal(
    both.message,
    'Deployment.apps "web" is invalid: [spec.selector: Required value, spec.replicas: Invalid value: -1: must be greater than or equal to 0]',
  );
  assert.equal(both.details?.causes?.length, 3, 'the causes are all there');
  assert.deepEqual(both.details?.causes?.[1], { reason: 'FieldValueInvalid', message: other.message, field: 'spec.replicas' });
  assert.equal(statusError.invalid({ group: '', kind: 'Pod' }, '', []).message, 'Pod "" is invalid');
});

test('an internal error keeps its cause to itself', () => {
  const cause = new Error('the password is swordfish');
  const error = statusError.internal('no storage', cause);
  assert.equal(error.cause, cause);
  assert.ok(!JSON.stringify(error.status()).includes('swordfish'));
});

test('errors are told apart by their reason', () => {
  assert.ok(isNotFound(statusError.notFound(pods, 'a')));
  assert.ok(isConflict(statusError.conflict(pods, 'a', '')) && !isConflict(statusError.alreadyExists(pods, 'a')));
  assert.ok(isAlreadyExists(statusError.alreadyExists(pods, 'a')));
  assert.ok(!isNotFound(Object.assign(new Error('not found'), { reason: 'NotFound' })), 'only our own');
});
