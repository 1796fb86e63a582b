import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { definitionOf, lines, world } from '../test-support.ts';

const secret = (type: string, data: Record<string, string>) => ({
  metadata: { name: 'a', namespace: 'default' },
  type,
  data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
});

function answer(type: string, data: Record<string, string>): { errors: string[]; warnings: string[] } {
  const { context, warnings } = world();
  return { errors: lines(definitionOf('Secret').validateCreate!(secret(type, data), context)), warnings };
}

test('what is no map is refused in the words of a JSON reader', () => {
  const fault = (text: string) =>
    answer('kubernetes.io/dockercfg', { '.dockercfg': text }).errors[0]?.replace(
      'data[.dockercfg]: Invalid value: "<secret contents redacted>": ',
      '',
    );
  assert.equal(fault('{}'), undefined);
  assert.equal(fault('null'), undefined);
  assert.equal(fault(' '), 'unexpected end of JSON input');
  assert.equal(fault('{"a":'), 'unexpected end of JSON input');
  assert.equal(fault('a'), "invalid character 'a' looking for beginning of value");
  assert.equal(fault('{} x'), "invalid character 'x' after top-level value");
  assert.equal(fault('true'), 'json: cannot unmarshal bool into Go value of type map[string]interface {}');
});

test('a certificate and a key that are no pair are told of', () => {
  const advice = (certificate: string, key: string) => answer('kubernetes.io/tls', { 'tls.crt': certificate, 'tls.key': key }).warnings;
  const block = (type: string, bytes = 'a') => `-----BEGIN ${type}-----\n${Buffer.from(bytes).toString('base64')}\n-----END ${type}-----\n`;
  assert.deepEqual(advice('a', 'a'), ['tls: failed to find any PEM data in certificate input']);
  assert.deepEqual(advice(block('PRIVATE KEY'), 'a'), [
    'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched',
  ]);
  assert.deepEqual(advice(block('X') + block('Y'), 'a'), [
    'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [X Y]',
  ]);
  assert.deepEqual(advice(block('CERTIFICATE'), 'a'), ['tls: failed to find any PEM data in key input']);
  assert.deepEqual(advice(block('CERTIFICATE'), block('CERTIFICATE')), [
    'tls: found a certificate rather than a key in the PEM for the private key',
  ]);
  const { privateKey } = generateKeyPairSync('ed25519');
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  assert.deepEqual(advice(block('CERTIFICATE'), key), ['x509: malformed certificate']);
});
