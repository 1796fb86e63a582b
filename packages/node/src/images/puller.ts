// Sees to it that a container's image is there, as its pull policy says (pkg/kubelet/images/image_manager.go).
import type { corev1 } from '@tiphys/api';
import type { EventType } from '@tiphys/client';
import type { Clock } from '@tiphys/runtime';
import type { CriClient } from '../cri/client.ts';
import type { PodSandboxConfig } from '../cri/generated/cri.ts';
import { backOff } from '../pod-worker/back-off.ts';
import { credentialsFor } from './credentials.ts';
import { withDefaultTag } from './reference.ts';

/** A container that can't be started: what its waiting state says. */
export class StartError extends Error {
  override name = 'StartError';
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface PulledImage {
  ref: string;
  user: { uid?: number; username?: string };
}

export interface ImagePuller {
  ensure(request: ImageRequest): Promise<PulledImage>;
  forget(podUid: string): void;
  /** Images that this node has pulled since it started, by their ids, and when a container last asked for them. */
  pulled: ReadonlyMap<string, { lastUsedMs: number }>;
}

export interface ImageRequest {
  pod: corev1.Pod;
  container: corev1.Container;
  sandbox: PodSandboxConfig;
  secrets: readonly corev1.Secret[];
  event: (type: EventType, reason: string, message: string) => void;
}

function goSeconds(ms: number): string {
  return ms < 1000 ? `${Math.floor(ms)}ms` : `${Math.floor(ms) / 1000}s`;
}

async function describe(cri: CriClient, image: string): Promise<PulledImage | undefined> {
  const found = await cri.imageStatus(image);
  if (!found?.id) return undefined;
  // An image that names no user runs as root.
  const user = found.username ? { username: found.username } : { uid: found.uid?.value ?? 0 };
  return { ref: found.id, user };
}

/** The image's full name, or the complaint that there is none. */
function fullName({ container, event }: ImageRequest): string {
  const requested = container.image ?? '';
  try {
    return withDefaultTag(requested);
  } catch (error) {
    const message = `Failed to apply default image tag "${requested}": ${(error as Error).message}`;
    event('Warning', 'InspectFailed', message);
    throw new StartError('InvalidImageName', message);
  }
}

export function imagePuller(cri: CriClient, clock: Clock): ImagePuller {
  const waiting = backOff();
  const lastErrors = new Map<string, string>();
  const pulled = new Map<string, { lastUsedMs: number }>();
  const pulling = new Map<string, Promise<string>>();

  /** Joins a pull of the image that is under way. */
  const pullOnce = (image: string, { sandbox, secrets }: ImageRequest): Promise<string> => {
    const known = pulling.get(image);
    if (known) return known;
    const auth = credentialsFor(image, secrets);
    const running = cri.pullImage({ image: { image }, sandboxConfig: sandbox, ...(auth ? { auth } : {}) });
    pulling.set(image, running);
    void running.finally(() => pulling.delete(image)).catch(() => {});
    return running;
  };
  const pull = async (image: string, request: ImageRequest): Promise<PulledImage> => {
    const { pod, event } = request;
    const key = `${pod.metadata!.uid}_${image}`;
    if (waiting.waits(key, clock.now())) {
      event('Normal', 'BackOff', `Back-off pulling image "${image}"`);
      const last = lastErrors.get(key);
      throw new StartError('ImagePullBackOff', last ? `Back-off pulling image "${image}": ${last}` : `Back-off pulling image "${image}"`);
    }
    lastErrors.delete(key);
    event('Normal', 'Pulling', `Pulling image "${image}"`);
    const startedMs = clock.monotonicMs();
    try {
      await pullOnce(image, request);
      const found = await describe(cri, image);
      if (!found) throw new Error(`image "${image}" is not there after its pull`);
      const took = goSeconds(clock.monotonicMs() - startedMs);
      const size = (await cri.imageStatus(image))?.size ?? 0;
      event('Normal', 'Pulled', `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${size} bytes.`);
      pulled.set(found.ref, { lastUsedMs: clock.now() });
      return found;
    } catch (error) {
      const message = (error as Error).message;
      event('Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
      waiting.failed(key, clock.now(), clock.now());
      lastErrors.set(key, `ErrImagePull: ${message}`);
      throw new StartError('ErrImagePull', message);
    }
  };
  return {
    pulled,
    ensure: async (request) => {
      const { container, event } = request;
      const image = fullName(request);
      const policy = container.imagePullPolicy || 'IfNotPresent';
      if (policy === 'Always') return pull(image, request);
      const present = await describe(cri, image);
      if (present) {
        if (pulled.has(present.ref)) pulled.set(present.ref, { lastUsedMs: clock.now() });
        event('Normal', 'Pulled', `Container image "${container.image}" already present on machine and can be accessed by the pod`);
        return present;
      }
      if (policy !== 'Never') return pull(image, request);
      const message = `Container image "${container.image}" is not present with pull policy of Never`;
      event('Warning', 'ErrImageNeverPull', message);
      throw new StartError('ErrImageNeverPull', message);
    },
    forget: (podUid) => {
      waiting.forget(`${podUid}_`);
      for (const key of lastErrors.keys()) if (key.startsWith(`${podUid}_`)) lastErrors.delete(key);
    },
  };
}
