// Starts one container: image, configuration, create, start, postStart hook (kuberuntime_container.go startContainer).
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { corev1 } from '@tiphys/api';
import { containerConfiguration } from '../container/container-configuration.ts';
import { ConfigurationError, containerEnvironment } from '../container/environment.ts';
import { expand } from '../container/expansion.ts';
import { hostsFile, podNames } from '../container/hosts.ts';
import { verifyNonRoot } from '../container/security.ts';
import { CriError } from '../cri/errors.ts';
import { type Mount, MountPropagation, type PodSandboxConfig } from '../cri/generated/cri.ts';
import { type PulledImage, StartError } from '../images/puller.ts';
import { resolveSubPath } from '../volumes/sub-path.ts';
import type { MountedVolume } from '../volumes/volume-manager.ts';
import { type ContainerEvent, killContainer, runHook } from './kill.ts';
import type { NodeContext } from './node-context.ts';
import { podLogDirectory } from './paths.ts';
import { isHostNetwork, newestOf, type PodRuntime } from './pod-runtime.ts';

export interface StartRequest {
  context: NodeContext;
  pod: corev1.Pod;
  container: corev1.Container;
  runtime: PodRuntime;
  sandboxId: string;
  sandbox: PodSandboxConfig;
  podIps: readonly string[];
  volumes: ReadonlyMap<string, MountedVolume>;
  event: ContainerEvent;
}

const HOSTS_PATH = '/etc/hosts';
const DEFAULT_MESSAGE_PATH = '/dev/termination-log';
const PROPAGATION: Record<string, number> = {
  HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

async function restartCountOf(request: StartRequest): Promise<number> {
  const { context, pod, container, runtime } = request;
  const last = newestOf(runtime, container.name);
  if (last) return last.restartCount + 1;
  // The runtime may have lost its containers, the logs tell how often this one ran.
  const names = await readdir(join(podLogDirectory(context.directory, pod), container.name)).catch(() => []);
  return names.reduce((next, name) => Math.max(next, Number.parseInt(name, 10) + 1 || 0), 0);
}

async function hostsMount(request: StartRequest): Promise<Mount> {
  const { context, pod, podIps } = request;
  const path = join(context.volumes.podDirectory(pod.metadata!.uid!), 'etc-hosts');
  await writeFile(path, hostsFile(pod, podNames(pod, context.dns.clusterDomain), podIps, context.machineHosts), { mode: 0o644 });
  return { containerPath: HOSTS_PATH, hostPath: path };
}

/** Image volumes of the container: pulled as their policy says, and mounted read-only. */
async function mountImages({ context, pod, container, sandbox, volumes, event }: StartRequest, secrets: readonly corev1.Secret[]) {
  for (const { name } of container.volumeMounts ?? []) {
    const source = pod.spec!.volumes?.find((volume) => volume.name === name)?.image;
    const volume = volumes.get(name);
    if (!source || !volume) continue;
    const { reference = '', pullPolicy } = source;
    const wanted: corev1.Container = { name: container.name, image: reference, ...(pullPolicy ? { imagePullPolicy: pullPolicy } : {}) };
    const { ref } = await context.images.ensure({
      pod,
      container: wanted,
      sandbox,
      secrets,
      event: (type, reason, message) => event(container.name, type, reason, message),
    });
    // CRI keeps every image under its id, too.
    await context.imageMounts.mount(ref, volume.path);
  }
}

async function mountsOf(request: StartRequest, environment: ReadonlyMap<string, string>): Promise<Mount[]> {
  const { pod, container, volumes } = request;
  const mounts: Mount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volume = volumes.get(mount.name);
    if (!volume) throw new ConfigurationError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, environment) : mount.subPath;
    mounts.push({
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      hostPath: subPath ? await resolveSubPath(volume.path, subPath, mount.name, container.name) : volume.path,
      readonly: volume.readOnly || mount.readOnly === true,
      propagation: PROPAGATION[mount.mountPropagation ?? ''] ?? MountPropagation.PROPAGATION_PRIVATE,
    });
  }
  const ownHosts = mounts.some(({ containerPath }) => containerPath === HOSTS_PATH);
  if (!ownHosts && (isHostNetwork(pod) || request.podIps.length > 0)) mounts.push(await hostsMount(request));
  return mounts;
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

async function terminationMessageMount(request: StartRequest, restartCount: number): Promise<Mount> {
  const { context, pod, container } = request;
  const directory = join(context.volumes.podDirectory(pod.metadata!.uid!), 'containers', container.name);
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const hostPath = join(directory, `${restartCount}-${context.runtime.random.suffix(8)}`);
  // Any user of the container may write to it, whatever this process's umask says.
  await writeFile(hostPath, '');
  await chmod(hostPath, 0o666);
  return { containerPath: container.terminationMessagePath || DEFAULT_MESSAGE_PATH, hostPath };
}

async function create(request: StartRequest, image: PulledImage): Promise<string> {
  const { context, pod, container, runtime, podIps } = request;
  const namespace = pod.metadata!.namespace!;
  const restartCount = await restartCountOf(request);
  const environment = containerEnvironment(pod, container, {
    configMap: (name) => context.volumes.configMaps.get(namespace, name),
    secret: (name) => context.volumes.secrets.get(namespace, name),
    services: [...context.services.list(namespace), ...(namespace === 'default' ? [] : context.services.list('default'))],
    podIps,
    hostIp: context.hostIp,
    allocatable: context.allocatable(),
  });
  const mounts = await mountsOf(request, environment);
  verifyNonRoot(pod, container, image.user);
  const message = await terminationMessageMount(request, restartCount);
  const target = (container as { targetContainerName?: string }).targetContainerName;
  const targetId = target ? newestOf(runtime, target)?.id : undefined;
  if (target && !targetId) throw new ConfigurationError(`unable to find target container ${target}`);
  const config = containerConfiguration({
    pod,
    container,
    restartCount,
    imageRef: image.ref,
    environment,
    mounts: [...mounts, message],
    terminationMessageFile: message.hostPath!,
    imageUser: image.user,
    memoryCapacityBytes: context.memoryCapacityBytes,
    seccompRoot: join(context.directory, 'seccomp'),
    ...(targetId ? { targetId } : {}),
  });
  await mkdir(join(podLogDirectory(context.directory, pod), container.name), { recursive: true });
  try {
    return await context.cri.createContainer({ podSandboxId: request.sandboxId, config, sandboxConfig: request.sandbox });
  } catch (error) {
    throw asStartError('CreateContainerError', error);
  }
}

const textOf = (error: unknown) => (error instanceof CriError ? error.detail : (error as Error).message);
const asStartError = (reason: string, error: unknown) => (error instanceof StartError ? error : new StartError(reason, textOf(error)));

async function createOrExplain(request: StartRequest, image: PulledImage): Promise<string> {
  try {
    return await create(request, image);
  } catch (error) {
    throw asStartError('CreateContainerConfigError', error);
  }
}

async function postStart(request: StartRequest, id: string): Promise<void> {
  const { context, pod, container, event, podIps } = request;
  const hook = container.lifecycle?.postStart;
  if (!hook) return;
  const options = { context, pod, event, podIp: podIps[0] ?? '' };
  try {
    await runHook(options, hook, container, id);
  } catch (error) {
    event(container.name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    await killContainer(options, { id, name: container.name, message: 'FailedPostStartHook', reason: 'failedPostStartHook' });
    throw new StartError('PostStartHookError', textOf(error));
  }
}

/** Rejects with StartError, whose reason and message the container's waiting state shows. */
export async function startContainer(request: StartRequest): Promise<void> {
  const { context, pod, container, event } = request;
  const emit = (type: 'Normal' | 'Warning', reason: string, message: string) => event(container.name, type, reason, message);
  const fail = (error: StartError): never => {
    emit('Warning', 'Failed', `Error: ${error.reason.includes('Image') ? error.reason : error.message}`);
    throw error;
  };
  const namespace = pod.metadata!.namespace!;
  const secrets = (pod.spec!.imagePullSecrets ?? []).flatMap(({ name }) => context.volumes.secrets.get(namespace, name ?? '') ?? []);
  let image: PulledImage;
  let id: string;
  try {
    image = await context.images.ensure({ pod, container, sandbox: request.sandbox, secrets, event: emit });
    await mountImages(request, secrets);
    id = await createOrExplain(request, image);
  } catch (error) {
    return fail(asStartError('ErrImagePull', error));
  }
  emit('Normal', 'Created', 'Container created');
  try {
    await context.cri.startContainer(id);
  } catch (error) {
    return fail(asStartError('RunContainerError', error));
  }
  emit('Normal', 'Started', 'Container started');
  await postStart(request, id);
}
