import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeConfiguration, DEFAULT_CONFIGURATION, parseConfiguration } from './configuration.ts';

const HEAD = 'apiVersion: tiphys.dev/v1alpha1\nkind: ClusterConfiguration\n';

test('a file gives its fields, the rest is default', () => {
  const given = parseConfiguration(`${HEAD}nodes: 3\nruntime: simulated\n`, 'c.yaml');
  assert.deepEqual(completeConfiguration(given), { ...DEFAULT_CONFIGURATION, nodes: 3, runtime: 'simulated' });
});

for (const [text, message] of [
  ['nodes: 3', /must begin with apiVersion/],
  [`${HEAD}node: 3`, /c\.yaml: unknown field "node"/],
  [`${HEAD}nodes: many`, /nodes must be a number/],
  ['[', /c\.yaml: /],
  ['- 1', /must hold one ClusterConfiguration/],
] as const) {
  test(`a file is refused: ${text.replaceAll('\n', ' ')}`, () => {
    assert.throws(() => parseConfiguration(text, 'c.yaml'), message);
  });
}

for (const [given, message] of [
  [{ runtime: 'docker' as never }, /runtime: "docker" is none of/],
  [{ nodes: -1 }, /nodes: must be a whole number/],
  [{ port: 70_000 }, /port: must be a port/],
  [{ podCidr: 'x' }, /podCidr: "x" is not an IPv4 range/],
  [{ runtimeConfig: 'api/gamma=true' }, /runtimeConfig: unknown api api\/gamma/],
] as const) {
  test(`a value is refused: ${JSON.stringify(given)}`, () => {
    assert.throws(() => completeConfiguration(given), message);
  });
}
