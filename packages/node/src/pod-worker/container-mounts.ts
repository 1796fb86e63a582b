// What of the machine a container sees: volumes, parts of them, block devices, /etc/hosts, the file for its last words
// (kubelet_pods.go makeMounts, makeBlockVolumes).
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { corev1 } from '@tiphys/api';
import { ConfigurationError } from '../container/environment.ts';
import { expand } from '../container/expansion.ts';
import { hostsFile, podNames } from '../container/hosts.ts';
import { type Device, type Mount, MountPropagation } from '../cri/generated/cri.ts';
import { bindSubPath } from '../volumes/sub-path.ts';
import type { MountedVolume } from '../volumes/volume-manager.ts';
import type { NodeContext } from './node-context.ts';
import { isHostNetwork } from './pod-runtime.ts';

export interface MountRequest {
  context: NodeContext;
  pod: corev1.Pod;
  container: corev1.Container;
  podIps: readonly string[];
  volumes: ReadonlyMap<string, MountedVolume>;
  /** The runtime that the pod's class asks for; empty is the default. */
  handler: string;
}

const HOSTS_PATH = '/etc/hosts';
const DEFAULT_MESSAGE_PATH = '/dev/termination-log';
const PROPAGATION: Record<string, number> = {
  HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

async function hostsMount({ context, pod, podIps }: MountRequest): Promise<Mount> {
  const path = join(context.volumes.podDirectory(pod.metadata!.uid!), 'etc-hosts');
  await writeFile(path, hostsFile(pod, podNames(pod, context.dns.clusterDomain), podIps, context.machineHosts), { mode: 0o644 });
  return { containerPath: HOSTS_PATH, hostPath: path };
}

function volumeOf({ container, volumes }: MountRequest, name: string, isBlock: boolean): MountedVolume {
  const volume = volumes.get(name);
  if (!volume) throw new ConfigurationError(`cannot find volume "${name}" to mount into container "${container.name}"`);
  if (volume.isBlock && !isBlock) {
    throw new ConfigurationError(`volume ${name} has volumeMode Block, but is specified in volumeMounts`);
  }
  if (!volume.isBlock && isBlock) {
    throw new ConfigurationError(`volume ${name} has volumeMode Filesystem, but is specified in volumeDevices`);
  }
  return volume;
}

/** Whether mounts below the volume become read-only with it. */
async function isRecursive({ context, handler }: MountRequest, mount: corev1.VolumeMount): Promise<boolean> {
  const { recursiveReadOnly = 'Disabled', mountPropagation = 'None', name } = mount;
  if (recursiveReadOnly === 'Disabled') return false;
  const refuse = (why: string) => new ConfigurationError(`volume "${name}" requested recursive read-only mode, but it is ${why}`);
  if (!mount.readOnly) throw refuse('not read-only');
  if (mountPropagation !== 'None') throw refuse(`not compatible with propagation "${mountPropagation}"`);
  const { runtimeHandlers = [] } = await context.cri.status();
  const isSupported = runtimeHandlers.some((one) => (one.name ?? '') === handler && one.features?.recursiveReadOnlyMounts === true);
  if (recursiveReadOnly === 'Enabled' && !isSupported) throw refuse('not supported by the runtime');
  return isSupported;
}

/** For subPathExpr every variable must be known. */
function expandStrictly(text: string, environment: ReadonlyMap<string, string>): string {
  const missing: string[] = [];
  const result = expand(text, (name) => {
    const value = environment.get(name);
    if (value === undefined) missing.push(name);
    return value;
  });
  if (missing.length > 0) throw new ConfigurationError(`missing value for "${missing[0]}"`);
  return result;
}

export async function mountsOf(request: MountRequest, environment: ReadonlyMap<string, string>): Promise<Mount[]> {
  const { context, pod, container } = request;
  const mounts: Mount[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volume = volumeOf(request, mount.name, false);
    const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, environment) : mount.subPath;
    const podDirectory = context.volumes.podDirectory(pod.metadata!.uid!);
    const part = { volumePath: volume.path, podDirectory, volume: mount.name, container: container.name, index };
    mounts.push({
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      hostPath: subPath ? await bindSubPath({ ...part, subPath }) : volume.path,
      readonly: volume.readOnly || mount.readOnly === true,
      recursiveReadOnly: await isRecursive(request, mount),
      propagation: PROPAGATION[mount.mountPropagation ?? ''] ?? MountPropagation.PROPAGATION_PRIVATE,
    });
  }
  const ownHosts = mounts.some(({ containerPath }) => containerPath === HOSTS_PATH);
  if (!ownHosts && (isHostNetwork(pod) || request.podIps.length > 0)) mounts.push(await hostsMount(request));
  return mounts;
}

export const devicesOf = (request: MountRequest): Device[] =>
  (request.container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const { path, readOnly } = volumeOf(request, name, true);
    return { containerPath: devicePath, hostPath: path, permissions: readOnly ? 'r' : 'mrw' };
  });

export async function terminationMessageMount({ context, pod, container }: MountRequest, restartCount: number): Promise<Mount> {
  const directory = join(context.volumes.podDirectory(pod.metadata!.uid!), 'containers', container.name);
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const hostPath = join(directory, `${restartCount}-${context.runtime.random.suffix(8)}`);
  // Any user of the container may write to it, whatever this process's umask says.
  await writeFile(hostPath, '');
  await chmod(hostPath, 0o666);
  return { containerPath: container.terminationMessagePath || DEFAULT_MESSAGE_PATH, hostPath };
}
