// Certificate signing requests in upstream's words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Errors } from '../rules/errors.ts';
import { checkSignerName } from '../rules/signer-name.ts';
import { validateApproval, validateRequest, validateStatus } from './request-rules.ts';

const lines = (errors: Errors) => errors.map(({ field, message }) => `${field}: ${message}`);
const pem = Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n').toString('base64');
const request = (spec: object = {}, status: object = {}): any => ({
  spec: { request: pem, signerName: 'example.com/signer', usages: ['any'], ...spec },
  status,
});

test('requests', () => {
  const cases: [object, RegExp | undefined][] = [
    [{}, undefined],
    [{ request: '' }, /^spec.request: Invalid value: "": PEM block type must be CERTIFICATE REQUEST$/],
    [{ request: null }, /^spec.request: Invalid value: null: PEM block type must be CERTIFICATE REQUEST$/],
    [{ usages: [] }, /^spec.usages: Required value$/],
    [{ usages: [null] }, /^spec.usages\[0\]: Unsupported value: "": supported values: "any", "cert sign", "client auth"/],
    [{ usages: ['any', 'any'] }, /^spec.usages\[1\]: Duplicate value: "any"$/],
    [{ signerName: 'kubernetes.io/legacy-unknown' }, /^spec.signerName: Invalid value: .*: the legacy signerName is not allowed/],
    [{ expirationSeconds: 599 }, /^spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds/],
  ];
  for (const [change, expected] of cases) {
    const found = lines(validateRequest(request(change)));
    assert.equal(found.length, expected ? 1 : 0, JSON.stringify(found));
    if (expected) assert.match(found[0]!, expected);
  }
});

test('who may say what of a request', () => {
  const approved = { conditions: [{ type: 'Approved', status: 'True' }] };
  const cases: [(now: any, old: any) => Errors, object, object, string[]][] = [
    [validateApproval, approved, {}, []],
    [validateStatus, approved, {}, ['status.conditions: Forbidden: updates may not add a condition of type "Approved"']],
    [validateApproval, {}, approved, ['status.conditions: Forbidden: updates may not remove a condition of type "Approved"']],
    [
      validateApproval,
      { conditions: [...approved.conditions, { type: 'Denied', status: 'True' }] },
      {},
      ['status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive'],
    ],
    [
      validateApproval,
      { conditions: [{ type: 'Denied', status: 'Unknown' }] },
      {},
      ['status.conditions[0].status: Unsupported value: "Unknown": supported values: "True"'],
    ],
    [
      validateStatus,
      { certificate: 'eA==' },
      {},
      ['status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block'],
    ],
  ];
  for (const [rule, now, old, expected] of cases) assert.deepEqual(lines(rule(request({}, now), request({}, old))), expected);
});

test('names of signers', () => {
  const cases: [string, RegExp | undefined][] = [
    ['example.com/a.b', undefined],
    ['', /^s: Required value$/],
    ['example.com', /^s: Invalid value: "example.com": must be a fully qualified domain and path of the form 'example.com\/signer-name'$/],
    ['example/a', /^s: Invalid value: "example": should be a domain with at least two segments separated by dots$/],
    ['ex_a.com/a', /^s: Invalid value: "ex_a.com": validating label "ex_a": a lowercase RFC 1123 label must consist/],
    ['example.com/A', /^s: Invalid value: "A": validating label "A": a lowercase RFC 1123 subdomain must consist/],
  ];
  for (const [name, expected] of cases) {
    const errors: Errors = [];
    checkSignerName(errors, 's', name);
    const found = lines(errors);
    assert.equal(found.length, expected ? 1 : 0, `${name}: ${found}`);
    if (expected) assert.match(found[0]!, expected);
  }
});
