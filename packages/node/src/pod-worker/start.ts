// Starts one container: image, configuration, create, start, postStart hook (kuberuntime_container.go startContainer).
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { corev1 } from '@tiphys/api';
import { containerConfiguration } from '../container/container-configuration.ts';
import { ConfigurationError, containerEnvironment } from '../container/environment.ts';
import { verifyNonRoot } from '../container/security.ts';
import { CriError } from '../cri/errors.ts';
import type { PodSandboxConfig } from '../cri/generated/cri.ts';
import { type PulledImage, StartError } from '../images/puller.ts';
import { devicesOf, type MountRequest, mountsOf, terminationMessageMount } from './container-mounts.ts';
import { readEnvFiles } from './env-files.ts';
import { type ContainerEvent, killContainer, runHook } from './kill.ts';
import { podLogDirectory } from './paths.ts';
import { newestOf, type PodRuntime } from './pod-runtime.ts';

export interface StartRequest extends MountRequest {
  runtime: PodRuntime;
  sandboxId: string;
  sandbox: PodSandboxConfig;
  event: ContainerEvent;
}

async function restartCountOf(request: StartRequest): Promise<number> {
  const { context, pod, container, runtime } = request;
  const last = newestOf(runtime, container.name);
  if (last) return last.restartCount + 1;
  // The runtime may have lost its containers, the logs tell how often this one ran.
  const names = await readdir(join(podLogDirectory(context.directory, pod), container.name)).catch(() => []);
  return names.reduce((next, name) => Math.max(next, Number.parseInt(name, 10) + 1 || 0), 0);
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

async function create(request: StartRequest, image: PulledImage): Promise<string> {
  const { context, pod, container, runtime, podIps } = request;
  const namespace = pod.metadata!.namespace!;
  const restartCount = await restartCountOf(request);
  const environment = containerEnvironment(pod, container, {
    configMap: (name) => context.volumes.configMaps.get(namespace, name),
    secret: (name) => context.volumes.secrets.get(namespace, name),
    envFile: await readEnvFiles(container, request.volumes),
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
    devices: devicesOf(request),
    terminationMessageFile: message.hostPath!,
    imageUser: image.user,
    memory: context.memory,
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
