// The files of configMap, secret, downwardAPI and projected volumes (pkg/volume/{configmap,secret,downwardapi,projected}). Pure but
// for the token source, which is an argument. A missing object is an error with upstream's words, which becomes FailedMount.
import type { corev1 } from '@tiphys/api';
import { fieldValue } from '../container/fields.ts';
import { type NodeAllocatable, resourceValue } from '../container/resource-field.ts';
import type { Payload, PayloadFile } from './atomic-writer.ts';

export interface PayloadSources {
  configMap(name: string): corev1.ConfigMap | undefined;
  secret(name: string): corev1.Secret | undefined;
  token(source: corev1.ServiceAccountTokenProjection): Promise<string>;
  trustBundle(source: corev1.ClusterTrustBundleProjection): Promise<string>;
  allocatable: NodeAllocatable;
}

type Files = Map<string, PayloadFile>;
type Keyed = ReadonlyMap<string, Uint8Array>;

const text = (value: string): Uint8Array => Buffer.from(value);

function configMapData(object: corev1.ConfigMap): Keyed {
  return new Map([
    ...Object.entries(object.data ?? {}).map(([key, value]): [string, Uint8Array] => [key, text(value)]),
    ...Object.entries(object.binaryData ?? {}).map(([key, value]): [string, Uint8Array] => [key, Buffer.from(value, 'base64')]),
  ]);
}

const secretData = (object: corev1.Secret): Keyed =>
  new Map(Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));

interface KeySelection {
  items?: readonly corev1.KeyToPath[];
  optional?: boolean;
  mode: number;
  /** For messages: `configmap` or `secret`. */
  what: string;
}

function addKeys(files: Files, data: Keyed, { items, optional, mode, what }: KeySelection): void {
  if (!items || items.length === 0) {
    for (const [key, content] of data) files.set(key, { content, mode });
    return;
  }
  for (const { key, path, mode: own } of items) {
    const content = data.get(key);
    if (content) files.set(path, { content, mode: own ?? mode });
    else if (!optional) throw new Error(`${what} references non-existent ${what === 'configmap' ? 'config' : 'secret'} key: ${key}`);
  }
}

function addConfigMap(
  files: Files,
  source: Omit<corev1.ConfigMapVolumeSource, 'defaultMode'>,
  mode: number,
  sources: PayloadSources,
): void {
  const object = sources.configMap(source.name ?? '');
  if (!object && !source.optional) throw new Error(`configmap "${source.name}" not found`);
  addKeys(files, object ? configMapData(object) : new Map(), { ...source, mode, what: 'configmap', optional: source.optional || !object });
}

function addSecret(files: Files, source: corev1.SecretProjection, mode: number, sources: PayloadSources): void {
  const object = sources.secret(source.name ?? '');
  if (!object && !source.optional) throw new Error(`secret "${source.name}" not found`);
  addKeys(files, object ? secretData(object) : new Map(), { ...source, mode, what: 'secret', optional: source.optional || !object });
}

function addDownward(
  files: Files,
  pod: corev1.Pod,
  items: readonly corev1.DownwardAPIVolumeFile[],
  mode: number,
  sources: PayloadSources,
): void {
  for (const { path, fieldRef, resourceFieldRef, mode: own } of items) {
    const value = fieldRef
      ? fieldValue(pod, fieldRef.fieldPath)
      : resourceFieldRef
        ? resourceValue(pod, pod.spec!.containers[0]!, resourceFieldRef, sources.allocatable)
        : '';
    files.set(path, { content: text(value), mode: own ?? mode });
  }
}

/** The user that all containers run as, if there is one (pkg/volume/util FsUserFrom). */
export function commonUser(pod: corev1.Pod): number | undefined {
  const all = [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers];
  const users = new Set(all.map((container) => container.securityContext?.runAsUser ?? pod.spec!.securityContext?.runAsUser));
  const [user] = users;
  return users.size === 1 ? user : undefined;
}

async function addProjection(
  files: Files,
  pod: corev1.Pod,
  source: corev1.VolumeProjection,
  mode: number,
  sources: PayloadSources,
): Promise<void> {
  if (source.configMap) addConfigMap(files, source.configMap, mode, sources);
  else if (source.secret) addSecret(files, source.secret, mode, sources);
  else if (source.downwardAPI) addDownward(files, pod, source.downwardAPI.items ?? [], mode, sources);
  else if (source.serviceAccountToken) {
    const uid = commonUser(pod);
    const restricted = uid !== undefined || pod.spec!.securityContext?.fsGroup !== undefined;
    const content = text(await sources.token(source.serviceAccountToken));
    files.set(source.serviceAccountToken.path, { content, mode: restricted ? 0o600 : mode, ...(uid === undefined ? {} : { uid }) });
  } else if (source.clusterTrustBundle) {
    files.set(source.clusterTrustBundle.path, { content: text(await sources.trustBundle(source.clusterTrustBundle)), mode });
  } else throw new Error('this kind of projected source is not supported by this node');
}

const MODE_DEFAULT = 0o644;

/** Undefined for volumes that aren't made of such files. */
export async function volumePayload(pod: corev1.Pod, volume: corev1.Volume, sources: PayloadSources): Promise<Payload | undefined> {
  const files: Files = new Map();
  if (volume.configMap) addConfigMap(files, volume.configMap, volume.configMap.defaultMode ?? MODE_DEFAULT, sources);
  else if (volume.secret) {
    const { secretName, items, optional, defaultMode } = volume.secret;
    addSecret(
      files,
      { name: secretName ?? '', ...(items ? { items } : {}), ...(optional ? { optional } : {}) },
      defaultMode ?? MODE_DEFAULT,
      sources,
    );
  } else if (volume.downwardAPI)
    addDownward(files, pod, volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? MODE_DEFAULT, sources);
  else if (volume.projected) {
    const mode = volume.projected.defaultMode ?? MODE_DEFAULT;
    for (const source of volume.projected.sources ?? []) await addProjection(files, pod, source, mode, sources);
  } else return undefined;
  return files;
}

/** Names of the ConfigMaps and Secrets that a pod refers to anywhere. */
export function referencedObjects(pod: corev1.Pod): { configMaps: Set<string>; secrets: Set<string> } {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  const spec = pod.spec!;
  for (const { name } of spec.imagePullSecrets ?? []) if (name) secrets.add(name);
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  for (const { env = [], envFrom = [] } of containers) {
    for (const { configMapRef, secretRef } of envFrom) {
      if (configMapRef?.name) configMaps.add(configMapRef.name);
      if (secretRef?.name) secrets.add(secretRef.name);
    }
    for (const { valueFrom } of env) {
      if (valueFrom?.configMapKeyRef?.name) configMaps.add(valueFrom.configMapKeyRef.name);
      if (valueFrom?.secretKeyRef?.name) secrets.add(valueFrom.secretKeyRef.name);
    }
  }
  for (const { configMap, secret, projected } of spec.volumes ?? []) {
    if (configMap?.name) configMaps.add(configMap.name);
    if (secret?.secretName) secrets.add(secret.secretName);
    for (const source of projected?.sources ?? []) {
      if (source.configMap?.name) configMaps.add(source.configMap.name);
      if (source.secret?.name) secrets.add(source.secret.name);
    }
  }
  return { configMaps, secrets };
}
