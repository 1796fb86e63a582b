// Volume mounts and block devices of a container (apis/core/validation ValidateVolumeMounts, ValidateVolumeDevices).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { Errors } from '../errors.ts';
import { checkDescending } from './paths.ts';
import type { AnyContainer, PodScope } from './scope.ts';

/** Of several devices of one name, the last counts for mounts, and of mounts for devices. */
export function checkMounts({ errors, volumes }: PodScope, path: string, container: AnyContainer): void {
  const mounts = container.volumeMounts;
  if (!mounts) return;
  const devices = new Map(container.volumeDevices?.map(({ name = '', devicePath = '' }) => [name, devicePath]));
  const devicePaths = new Set(devices.values());
  const seen = new Set<string>();
  for (let i = 0; i < mounts.length; i++) {
    const mount = mounts[i]!;
    const { name = '', mountPath = '' } = mount;
    const at = `${path}[${i}]`;
    if (name === '') errors.push(fieldError.required(`${at}.name`));
    if (!volumes.has(name)) errors.push(fieldError.notFound(`${at}.name`, name));
    if (mountPath === '') errors.push(fieldError.required(`${at}.mountPath`));
    if (seen.has(mountPath)) errors.push(fieldError.invalid(`${at}.mountPath`, mountPath, 'must be unique'));
    seen.add(mountPath);
    if (devices.has(name)) {
      errors.push(fieldError.invalid(`${at}.name`, name, 'must not already exist in volumeDevices'));
    }
    if (devicePaths.has(mountPath)) {
      errors.push(fieldError.invalid(`${at}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices'));
    }
    if (mount.subPath) checkDescending(errors, `${path}.subPath`, mount.subPath);
    if (mount.subPathExpr) {
      if (mount.subPath) {
        errors.push(fieldError.invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      }
      checkDescending(errors, `${path}.subPathExpr`, mount.subPathExpr);
    }
    if (mount.mountPropagation !== undefined) checkPropagation(errors, `${path}.mountPropagation`, mount, container);
    if (mount.recursiveReadOnly !== undefined) checkRecursiveReadOnly(errors, `${path}.recursiveReadOnly`, mount);
  }
}

function checkPropagation(errors: Errors, path: string, mount: corev1.VolumeMount, container: AnyContainer): void {
  const supported = ['Bidirectional', 'HostToContainer', 'None'];
  if (!supported.includes(mount.mountPropagation!)) errors.push(fieldError.notSupported(path, mount.mountPropagation, supported));
  if (mount.mountPropagation === 'Bidirectional' && !container.securityContext?.privileged) {
    errors.push(fieldError.forbidden(path, 'Bidirectional mount propagation is available only to privileged containers'));
  }
}

function checkRecursiveReadOnly(errors: Errors, path: string, mount: corev1.VolumeMount): void {
  if (mount.recursiveReadOnly === 'Disabled') return;
  if (mount.recursiveReadOnly !== 'Enabled' && mount.recursiveReadOnly !== 'IfPossible') {
    errors.push(fieldError.notSupported(path, mount.recursiveReadOnly, ['Disabled', 'Enabled', 'IfPossible']));
    return;
  }
  if (!mount.readOnly) errors.push(fieldError.forbidden(path, 'may only be specified when readOnly is true'));
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None') {
    errors.push(fieldError.forbidden(path, 'may only be specified when mountPropagation is None or not specified'));
  }
}

export function checkDevices({ errors, volumes }: PodScope, path: string, container: AnyContainer): void {
  const devices = container.volumeDevices;
  if (!devices) return;
  const mounts = new Map(container.volumeMounts?.map(({ name = '', mountPath = '' }) => [name, mountPath]));
  const mountPaths = new Set(mounts.values());
  const [paths, names] = [new Set<string>(), new Set<string>()];
  devices.forEach(({ name = '', devicePath = '' }, i) => {
    const at = `${path}[${i}]`;
    const volume = volumes.get(name);
    if (name === '') errors.push(fieldError.required(`${at}.name`));
    if (names.has(name)) errors.push(fieldError.invalid(`${at}.name`, name, 'must be unique'));
    if (!volume) errors.push(fieldError.notFound(`${at}.name`, name));
    else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
      const why = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
      errors.push(fieldError.invalid(`${at}.name`, name, why));
    }
    if (devicePath === '') errors.push(fieldError.required(`${at}.devicePath`));
    if (paths.has(devicePath)) errors.push(fieldError.invalid(`${at}.devicePath`, devicePath, 'must be unique'));
    if (devicePath.split('/').includes('..')) {
      errors.push(fieldError.invalid(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')"));
    } else paths.add(devicePath);
    if (mounts.has(name)) {
      errors.push(fieldError.invalid(`${at}.name`, name, 'must not already exist in volumeMounts'));
    }
    if (mountPaths.has(devicePath)) {
      errors.push(fieldError.invalid(`${at}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts'));
    }
    if (name !== '') names.add(name);
  });
}
