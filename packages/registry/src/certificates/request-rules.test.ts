// Certificate signing requests in upstream's words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Errors } from '../rules/errors.ts';
import { checkSignerName } from '../rules/signer-name.ts';
import { validateApproval, validateRequest, validateStatus } from './request-rules.ts';

const lines = (errors: Errors) => errors.map(({ field, message }) => `${field}: ${message}`);
/** Of a key on P-256. */
const pem =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIYk1JR0RBZ0VBTUNFeEVEQU9CZ05WQkFNTUIzTnZiV1Z2Ym1VeERUQUxCZ05WQkFvTUJIUmxZVzB3V1RBVApCZ2NxaGtqT1BRSUJCZ2dxaGtqT1BRTUJCd05DQUFUVzkycFRxRUxLUWJra3pSMWdWYm9FVUVlQ05vYmg4R2JKClQ5TUtYUFdJVWgwUHc3OEFXd3hoSW96Mk9YYmxqa0VReW5VSDl4QWMzNXZlSjhIc1dkd3VvQUF3Q2dZSUtvWkkKemowRUF3SURSd0F3UkFJZ0hRbEJSZ0xsVHlGQlZhNnFYM25GWVBLYVg2REpJWVB6dmpnWUlsbkU5STRDSUc2aQowOFhLNnhDdmJWT05RcWcxN3FQanVGclFFdFNOa0lxNlo0Y0hVUERwCi0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=';
const certificate =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJMRENCMzZBREFnRUNBaFJFcjRhc0tHSy93dUVKNjArcEZ2cG42U2xEWVRBRkJnTXJaWEF3RERFS01BZ0cKQTFVRUF3d0JZVEFlRncweU5qRXhNakV4TnpJNU1UWmFGdzB6TmpFeE1UZ3hOekk1TVRaYU1Bd3hDakFJQmdOVgpCQU1NQVdFd0tqQUZCZ01yWlhBRElRQ1hTZkJPaTI3RW5JcFFTQU0zRHkyMjE2aFFtN1ZNdW8wVFFiOVR4SzNLCnhxTlRNRkV3SFFZRFZSME9CQllFRk5IdEY3UHRKanJ2ZFg5UXowZzM2N2wyOGlpOE1COEdBMVVkSXdRWU1CYUEKRk5IdEY3UHRKanJ2ZFg5UXowZzM2N2wyOGlpOE1BOEdBMVVkRXdFQi93UUZNQU1CQWY4d0JRWURLMlZ3QTBFQQpXZW5TSEk1cEU3d0hWVTN1QnlUNjg0bVd3MnNmRFZ0dmdQUVhSZXRPcktKMTFBRFpUZkdkVFk5cDJTNzI1S00xCkJoOWJJclgxaW54U0NqdWM3VFlTQXc9PQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==';
const derOf = (base64: string) =>
  Buffer.from(
    Buffer.from(base64, 'base64')
      .toString()
      .replace(/-----[A-Z ]+-----/g, ''),
    'base64',
  );
const wrapped = (type: string, der: Buffer) =>
  Buffer.from(`-----BEGIN ${type}-----
${der.toString('base64')}
-----END ${type}-----
`).toString('base64');
const ofRequest = (change: (der: Buffer) => Buffer) => wrapped('CERTIFICATE REQUEST', change(derOf(pem)));
const flipped = (at: number) => (der: Buffer) => {
  der[at < 0 ? der.length + at : at]! ^= 1;
  return der;
};
/** With a byte in the first name of the subject that is no text. */
const withName = (der: Buffer) => {
  const at = der.indexOf('someone');
  assert.ok(at > 0);
  der[at] = 0xff;
  return der;
};
const request = (spec: object = {}, status: object = {}): any => ({
  spec: { request: pem, signerName: 'example.com/signer', usages: ['any'], ...spec },
  status,
});

test('requests', () => {
  const cases: [object, RegExp | undefined][] = [
    [{}, undefined],
    [{ request: '' }, /^spec.request: Invalid value: "": PEM block type must be CERTIFICATE REQUEST$/],
    [{ request: null }, /^spec.request: Invalid value: null: PEM block type must be CERTIFICATE REQUEST$/],
    [{ request: ofRequest(flipped(-1)) }, /: x509: ECDSA verification failure$/],
    [{ request: ofRequest((der) => der.subarray(0, 40)) }, /: asn1: syntax error: data truncated$/],
    [{ request: ofRequest((der) => Buffer.concat([der, der])) }, /: asn1: syntax error: trailing data$/],
    [{ request: ofRequest(() => Buffer.of(0)) }, /: asn1: syntax error: truncated tag or length$/],
    [
      { request: ofRequest(() => Buffer.of(2, 0)) },
      /: asn1: structure error: tags don't match \(16 vs {class:0 tag:2 length:0 isCompound:false}\) .* certificateRequest @2$/,
    ],
    [{ request: ofRequest(withName) }, /: asn1: invalid UTF-8 string$/],
    [{ request: wrapped('X', derOf(pem)) }, /: PEM block type must be CERTIFICATE REQUEST$/],
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
    [validateStatus, { certificate }, {}, []],
    [
      validateStatus,
      { certificate: wrapped('CERTIFICATE', derOf(certificate).subarray(0, 40)) },
      {},
      ['status.certificate: Invalid value: "<certificate data>": x509: malformed certificate'],
    ],
    [
      validateStatus,
      { certificate: pem },
      {},
      ['status.certificate: Invalid value: "<certificate data>": only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"'],
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
