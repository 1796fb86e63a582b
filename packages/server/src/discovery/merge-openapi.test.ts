import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregatedVersion, type DelegatedVersion } from './delegated.ts';
import { mergedOpenApiV2 } from './merge-openapi.ts';

const delegated = (openApiV2: object): DelegatedVersion => ({
  group: 'g',
  version: 'v1',
  groupPriority: 1,
  versionPriority: 1,
  available: true,
  openApiV2,
});
const reference = (name: string) => ({ $ref: `#/definitions/${name}` });

test('only the group’s paths are taken, with the definitions that they reach', () => {
  const own = { swagger: '2.0', paths: { '/api': {} }, definitions: { Meta: { type: 'object' } } };
  const merged = mergedOpenApiV2(own, [
    delegated({
      paths: { '/apis/g/v1/things': { get: reference('Thing') }, '/apis/g/v1': {}, '/apis/g/v10/x': {}, '/version': reference('Version') },
      definitions: { Thing: { meta: reference('Meta') }, Meta: { type: 'object' }, Version: {} },
    }),
  ]);
  assert.deepEqual(Object.keys(merged.paths), ['/api', '/apis/g/v1/things', '/apis/g/v1']);
  assert.deepEqual(Object.keys(merged.definitions), ['Meta', 'Thing']);
  assert.deepEqual(own.definitions, { Meta: { type: 'object' } }, 'the own document stays as it is');
});

test('a definition of the same name that differs gets a new one, also where it is spoken of', () => {
  const own = { paths: {}, definitions: { Meta: { type: 'object' }, Meta_v2: {} } };
  const merged = mergedOpenApiV2(own, [
    delegated({
      paths: { '/apis/g/v1/things': { get: reference('Meta') } },
      definitions: { Meta: { type: 'string', next: reference('Meta') } },
    }),
  ]);
  assert.deepEqual(merged.paths['/apis/g/v1/things' as never], { get: reference('Meta_v3') });
  assert.deepEqual(merged.definitions['Meta_v3' as never], { type: 'string', next: reference('Meta_v3') });
});

test('classic rows become aggregated discovery', () => {
  const rows = [
    { name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['get'], shortNames: ['th'] },
    { name: 'things/scale', namespaced: true, group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'update'] },
  ];
  assert.deepEqual(aggregatedVersion({ ...delegated({}), available: false, rows }), {
    version: 'v1',
    freshness: 'Stale',
    resources: [
      {
        resource: 'things',
        responseKind: { group: 'g', version: 'v1', kind: 'Thing' },
        scope: 'Namespaced',
        singularResource: 'thing',
        verbs: ['get'],
        shortNames: ['th'],
        subresources: [
          { subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['get', 'update'] },
        ],
      },
    ],
  });
});
