import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { container, pod } from '../../test/pods.ts';
import type { MountedVolume } from '../volumes/volume-manager.ts';
import { devicesOf, type MountRequest, mountsOf } from './container-mounts.ts';
import type { NodeContext } from './node-context.ts';

const volumes = new Map<string, MountedVolume>([
  ['disk', { path: '/dev/loop7', readOnly: false, isBlock: true }],
  ['files', { path: '/volumes/files', readOnly: false }],
]);
const request = (more: Partial<corev1.Container>, features: object[] = []): MountRequest => {
  const own = container('c', more);
  const context = {
    volumes: { podDirectory: () => '/pods/u' },
    cri: { status: async () => ({ runtimeHandlers: features }) },
  } as unknown as NodeContext;
  return { context, pod: pod({ containers: [own] }), container: own, podIps: [], volumes, handler: '' };
};

test('block devices', () => {
  const device = (name: string) => devicesOf(request({ volumeDevices: [{ name, devicePath: '/dev/x' }] }));
  assert.deepEqual(device('disk'), [{ containerPath: '/dev/x', hostPath: '/dev/loop7', permissions: 'mrw' }]);
  assert.throws(() => device('files'), { message: 'volume files has volumeMode Filesystem, but is specified in volumeDevices' });
  assert.throws(() => device('none'), { message: 'cannot find volume "none" to mount into container "c"' });
});

test('whole trees are read-only where the runtime can', async () => {
  const mount = { name: 'files', mountPath: '/files', readOnly: true };
  const recursive = async (recursiveReadOnly: string, features: object[] = []) =>
    (await mountsOf(request({ volumeMounts: [{ ...mount, recursiveReadOnly }] }, features), new Map()))[0]!.recursiveReadOnly;
  const able = [{ name: '', features: { recursiveReadOnlyMounts: true } }];
  assert.deepEqual(
    [await recursive('IfPossible'), await recursive('IfPossible', able), await recursive('Enabled', able)],
    [false, true, true],
  );
  await assert.rejects(recursive('Enabled'), {
    message: 'volume "files" requested recursive read-only mode, but it is not supported by the runtime',
  });
  const wrong = { name: 'disk', mountPath: '/disk' };
  await assert.rejects(mountsOf(request({ volumeMounts: [wrong] }), new Map()), {
    message: 'volume disk has volumeMode Block, but is specified in volumeMounts',
  });
});
