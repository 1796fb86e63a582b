import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codec } from '@tiphys/std';
import fc from 'fast-check';
import { criMessages } from './generated/cri.ts';

const messages = codec(criMessages);

test('a container’s configuration survives the wire', () => {
  fc.assert(
    fc.property(
      fc.record({
        metadata: fc.record({ name: fc.string({ minLength: 1 }), attempt: fc.integer({ min: 1, max: 1000 }) }),
        command: fc.array(fc.string({ minLength: 1 }), { minLength: 1 }),
        labels: fc.record({ some: fc.string(), 'other/name': fc.string() }),
        tty: fc.constant(true),
        linux: fc.record({
          resources: fc.record({
            cpuQuota: fc.integer({ min: -1000, max: -1 }),
            memoryLimitInBytes: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
          }),
          securityContext: fc.record({ supplementalGroups: fc.array(fc.nat(), { minLength: 1 }) }),
        }),
      }),
      (config) => {
        assert.deepEqual(messages.decode('ContainerConfig', messages.encode('ContainerConfig', config)), structuredClone(config));
      },
    ),
  );
});

test('fields that this table does not know are skipped', () => {
  const bytes = Buffer.concat([Buffer.from([0xfa, 0x3f, 2, 1, 2]), messages.encode('ImageSpec', { image: 'x' })]);
  assert.deepEqual(messages.decode('ImageSpec', bytes), { image: 'x' });
});

test('an empty map value and an empty message stay what they are', () => {
  assert.deepEqual(messages.decode('ImageSpec', messages.encode('ImageSpec', { annotations: { a: '' } })), { annotations: { a: '' } });
  assert.deepEqual(messages.decode('ListImagesRequest', messages.encode('ListImagesRequest', { filter: {} })), { filter: {} });
});
