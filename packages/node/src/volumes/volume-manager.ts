// Makes a pod's volumes ready and takes them away (pkg/kubelet/volumemanager and pkg/volume/*). Calling mount() again brings
// the files of ConfigMaps, Secrets, tokens and the downward API up to date.
import { chmod, chown, lchown, lstat, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { corev1 as core, type corev1, parseQuantity } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import type { Runtime } from '@tiphys/runtime';
import { cgroupLimits } from '../cgroups/cgroup-tree.ts';
import type { NodeAllocatable } from '../container/resource-field.ts';
import type { ImageMounts } from '../images/image-mounts.ts';
import { writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { mountsBelow, mountTmpfs, unmount, unmountBelow } from './mounts.ts';
import { type ObjectWatch, objectWatch } from './object-watch.ts';
import { type PayloadSources, referencedObjects, volumePayload } from './payload.ts';
import { type TokenSource, tokenSource } from './tokens.ts';

export interface MountedVolume {
  path: string;
  readOnly: boolean;
  /** A device, not a folder. */
  isBlock?: boolean;
}

/** A volume that can't be made ready; the message is as upstream's events carry it. */
export class VolumeError extends Error {
  override name = 'VolumeError';
  readonly volume: string;
  constructor(volume: string, why: string) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${why}`);
    this.volume = volume;
  }
}

export interface VolumeManager {
  configMaps: ObjectWatch<corev1.ConfigMap>;
  secrets: ObjectWatch<corev1.Secret>;
  mount(pod: corev1.Pod): Promise<Map<string, MountedVolume>>;
  unmount(podUid: string): Promise<void>;
  podDirectory(podUid: string): string;
  /** Uids that have a folder. */
  known(): Promise<string[]>;
  close(): void;
}

export interface VolumeManagerOptions {
  client: Client;
  runtime: Runtime;
  /** Where pods' folders lie. */
  directory: string;
  allocatable: () => NodeAllocatable;
  onChange: (podUids: ReadonlySet<string>) => void;
  images: ImageMounts;
}

export async function volumeManager(options: VolumeManagerOptions): Promise<VolumeManager> {
  const memory = join(options.directory, 'memory');
  await mkdir(join(options.directory, 'pods'), { recursive: true });
  await mkdir(memory, { recursive: true });
  // Secrets never touch the disk. One tmpfs for all of them: a mount per volume would cost a process each.
  if (!(await mountsBelow(memory)).includes(memory)) await mountTmpfs(memory);
  return new Volumes(options, memory);
}

async function setGroup(path: string, group: number): Promise<void> {
  const facts = await lstat(path);
  await lchown(path, facts.uid, group);
  if (facts.isSymbolicLink()) return;
  await chmod(path, (facts.mode & 0o7777) | 0o660 | (facts.isDirectory() ? 0o2110 : 0));
  if (facts.isDirectory()) for (const name of await readdir(path)) await setGroup(join(path, name), group);
}

/** Whether the volume's root says that everything below was given to the group before. */
async function hasGroup(path: string, group: number): Promise<boolean> {
  const { gid, mode } = await stat(path);
  return gid === group && (mode & GROUP_RIGHTS) === GROUP_RIGHTS;
}

/** Read, write and enter for owner and group, and the group inherited. */
const GROUP_RIGHTS = 0o2770;
const IMAGE_PLUGIN = 'image';

class Volumes implements VolumeManager {
  readonly configMaps: ObjectWatch<corev1.ConfigMap>;
  readonly secrets: ObjectWatch<corev1.Secret>;
  readonly #options: VolumeManagerOptions;
  readonly #memory: string;
  readonly #tokens: TokenSource;
  readonly #prepared = new Set<string>();

  constructor(options: VolumeManagerOptions, memory: string) {
    const { client, runtime, onChange } = options;
    this.#options = options;
    this.#memory = memory;
    this.#tokens = tokenSource(client, runtime.clock);
    this.configMaps = objectWatch<corev1.ConfigMap>({ client, runtime, type: core.configmaps, onChange });
    this.secrets = objectWatch<corev1.Secret>({ client, runtime, type: core.secrets, onChange });
  }

  podDirectory(podUid: string): string {
    return join(this.#options.directory, 'pods', podUid);
  }

  async known(): Promise<string[]> {
    return readdir(join(this.#options.directory, 'pods'));
  }

  async mount(pod: corev1.Pod): Promise<Map<string, MountedVolume>> {
    const { uid, namespace } = pod.metadata!;
    await mkdir(this.podDirectory(uid!), { recursive: true, mode: 0o750 });
    const { configMaps, secrets } = referencedObjects(pod);
    await this.configMaps.follow(uid!, namespace!, configMaps);
    await this.secrets.follow(uid!, namespace!, secrets);
    for (const name of configMaps) await this.configMaps.refresh(namespace!, name);
    for (const name of secrets) await this.secrets.refresh(namespace!, name);
    const mounted = new Map<string, MountedVolume>();
    for (const volume of pod.spec!.volumes ?? []) {
      try {
        mounted.set(volume.name, await this.#mountOne(pod, volume));
      } catch (error) {
        throw new VolumeError(volume.name, (error as Error).message);
      }
    }
    return mounted;
  }

  async #mountOne(pod: corev1.Pod, volume: corev1.Volume): Promise<MountedVolume> {
    const uid = pod.metadata!.uid!;
    const group = pod.spec!.securityContext?.fsGroup;
    const payload = await volumePayload(pod, volume, this.#sources(pod));
    if (payload) {
      const inMemory = Boolean(volume.secret || volume.projected || volume.downwardAPI);
      const path = inMemory ? join(this.#memory, uid, volume.name) : this.#volumePath(uid, 'configmap', volume.name);
      await writeAtomically(path, payload, this.#options.runtime.clock.now(), group);
      return { path, readOnly: true };
    }
    if (volume.emptyDir) return { path: await this.#emptyDir(pod, volume.name, volume.emptyDir, group), readOnly: false };
    if (volume.hostPath) return { path: await prepareHostPath(volume.hostPath), readOnly: false };
    if (volume.persistentVolumeClaim) return this.#claim(pod, volume.persistentVolumeClaim, group);
    if (volume.ephemeral) return this.#claim(pod, { claimName: `${pod.metadata!.name}-${volume.name}` }, group, true);
    // Mounted when a container wants it: the image has to be pulled first.
    if (volume.image) return { path: this.#volumePath(uid, IMAGE_PLUGIN, volume.name), readOnly: true };
    const kind = Object.keys(volume).find((key) => key !== 'name');
    throw new Error(`volumes of type ${kind} are not supported by this node`);
  }

  #volumePath(uid: string, plugin: string, name: string): string {
    return join(this.podDirectory(uid), 'volumes', `kubernetes.io~${plugin}`, name);
  }

  async #emptyDir(pod: corev1.Pod, name: string, source: corev1.EmptyDirVolumeSource, group: number | undefined): Promise<string> {
    const path = this.#volumePath(pod.metadata!.uid!, 'empty-dir', name);
    if (this.#prepared.has(path)) return path;
    if (source.medium && source.medium !== 'Memory') throw new Error(`unknown storage medium "${source.medium}"`);
    const fresh = await mkdir(path, { recursive: true });
    if (source.medium === 'Memory' && !(await mountsBelow(path)).includes(path)) {
      await mountTmpfs(path, this.#memorySize(pod, source));
    }
    if (fresh !== undefined || source.medium === 'Memory') {
      if (group !== undefined) await chown(path, 0, group);
      await chmod(path, group === undefined ? 0o777 : 0o2777);
    }
    this.#prepared.add(path);
    return path;
  }

  /** No more than the pod may use, or all pods together. */
  #memorySize(pod: corev1.Pod, { sizeLimit = '0' }: corev1.EmptyDirVolumeSource): number {
    const whole = parseQuantity(this.#options.allocatable().memory ?? '0').asNumber();
    const bounds = [whole, cgroupLimits(pod).memoryBytes, parseQuantity(sizeLimit).asNumber()];
    return Math.min(...bounds.filter((bytes) => bytes > 0));
  }

  async #claim(
    pod: corev1.Pod,
    source: corev1.PersistentVolumeClaimVolumeSource,
    group: number | undefined,
    isOwn = false,
  ): Promise<MountedVolume> {
    const { client } = this.#options;
    const { namespace, uid } = pod.metadata!;
    const claim = await client.of(core.persistentvolumeclaims).get(source.claimName, namespace);
    if (isOwn && !claim.metadata!.ownerReferences?.some((owner) => owner.uid === uid)) {
      throw new Error(`PVC ${namespace}/${source.claimName} was not created for pod ${namespace}/${pod.metadata!.name} (pod is not owner)`);
    }
    if (claim.status?.phase !== 'Bound' || !claim.spec?.volumeName) {
      throw new Error(
        `PVC ${namespace}/${source.claimName} has non-bound phase ("${claim.status?.phase ?? ''}") or empty pvc.Spec.VolumeName`,
      );
    }
    const volume = await client.of(core.persistentvolumes).get(claim.spec.volumeName);
    const { hostPath, local } = volume.spec ?? {};
    if (!hostPath && !local)
      throw new Error(`the persistent volume ${volume.metadata!.name} is of a type that is not supported by this node`);
    const isBlock = volume.spec?.volumeMode === 'Block';
    if (isBlock) return this.#device(local?.path ?? hostPath!.path, source.readOnly === true);
    const path = local ? local.path : await prepareHostPath(hostPath!);
    const key = `${uid} ${path}`;
    if (local && !(await lstat(path).catch(() => undefined))) throw new Error(`path "${path}" does not exist`);
    if (local && group !== undefined && !this.#prepared.has(key)) {
      const keeps = pod.spec!.securityContext?.fsGroupChangePolicy === 'OnRootMismatch' && (await hasGroup(path, group));
      if (!keeps) await setGroup(path, group);
      this.#prepared.add(key);
    }
    return { path, readOnly: source.readOnly === true };
  }

  async #device(path: string, readOnly: boolean): Promise<MountedVolume> {
    if (!(await stat(path).catch(() => undefined))?.isBlockDevice()) throw new Error(`path "${path}" is not a block device`);
    return { path, readOnly, isBlock: true };
  }

  #sources(pod: corev1.Pod): PayloadSources {
    const namespace = pod.metadata!.namespace!;
    return {
      configMap: (name) => this.configMaps.get(namespace, name),
      secret: (name) => this.secrets.get(namespace, name),
      token: (source) => this.#tokens.token(pod, source),
      trustBundle: async () => {
        throw new Error('ClusterTrustBundle projections are not supported by this node');
      },
      allocatable: this.#options.allocatable(),
    };
  }

  async unmount(podUid: string): Promise<void> {
    this.configMaps.release(podUid);
    this.secrets.release(podUid);
    this.#tokens.release(podUid);
    const directory = this.podDirectory(podUid);
    for (const path of this.#prepared) if (path.startsWith(directory) || path.startsWith(`${podUid} `)) this.#prepared.delete(path);
    const images = join(directory, 'volumes', `kubernetes.io~${IMAGE_PLUGIN}`);
    for (const name of await readdir(images).catch(() => [])) await this.#options.images.unmount(join(images, name));
    await unmountBelow(directory);
    await rm(directory, { recursive: true, force: true });
    await rm(join(this.#memory, podUid), { recursive: true, force: true });
  }

  close(): void {
    this.configMaps.close();
    this.secrets.close();
  }
}

/** Takes away everything that volume managers of this folder mounted. */
export async function unmountAll(directory: string): Promise<void> {
  for (const point of await mountsBelow(directory)) await unmount(point).catch(() => {});
}
