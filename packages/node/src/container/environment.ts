// A container's environment (kubelet_pods.go makeEnvironmentVariables; pkg/kubelet/envvars). Pure: objects are looked up through
// arguments, and a missing one is an error with upstream's words, which becomes CreateContainerConfigError.
import { type corev1, parseQuantity } from '@tiphys/api';
import { valueInFile } from './env-file.ts';
import { expand } from './expansion.ts';
import { fieldValue } from './fields.ts';
import { type NodeAllocatable, resourceValue } from './resource-field.ts';

/** The container can't be made as its spec says; waits until something changes. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
}

export interface EnvFile {
  /** On the machine. */
  path: string;
  text?: string;
}

export interface EnvironmentSources {
  configMap(name: string): corev1.ConfigMap | undefined;
  secret(name: string): corev1.Secret | undefined;
  /** Services of the pod's namespace, and `kubernetes` of the default namespace. */
  services: readonly corev1.Service[];
  /** Files in volumes; undefined for a volume that the pod has not. A file without a text could not be read. */
  envFile(volume: string, path: string): EnvFile | undefined;
  podIps: readonly string[];
  hostIp: string;
  allocatable: NodeAllocatable;
}

const upper = (name: string) => name.toUpperCase().replaceAll('-', '_');

function serviceVariables(service: corev1.Service): [string, string][] {
  const name = upper(service.metadata!.name!);
  const ip = service.spec!.clusterIP!;
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const ports = service.spec!.ports ?? [];
  const [first] = ports;
  if (!first) return [];
  const variables: [string, string][] = [
    [`${name}_SERVICE_HOST`, ip],
    [`${name}_SERVICE_PORT`, String(first.port)],
    ...ports.filter((port) => port.name).map((port): [string, string] => [`${name}_SERVICE_PORT_${upper(port.name!)}`, String(port.port)]),
  ];
  ports.forEach((port, i) => {
    const protocol = port.protocol || 'TCP';
    const url = `${protocol.toLowerCase()}://${host}:${port.port}`;
    if (i === 0) variables.push([`${name}_PORT`, url]);
    const prefix = `${name}_PORT_${port.port}_${protocol.toUpperCase()}`;
    variables.push(
      [prefix, url],
      [`${prefix}_PROTO`, protocol.toLowerCase()],
      [`${prefix}_PORT`, String(port.port)],
      [`${prefix}_ADDR`, ip],
    );
  });
  return variables;
}

function serviceEnvironment(pod: corev1.Pod, services: readonly corev1.Service[]): Map<string, string> {
  const variables = new Map<string, string>();
  const namespace = pod.metadata!.namespace!;
  const isMaster = (service: corev1.Service) => service.metadata!.namespace === 'default' && service.metadata!.name === 'kubernetes';
  const wanted = services.filter((service) => {
    const ip = service.spec?.clusterIP;
    if (!ip || ip === 'None') return false;
    return service.metadata!.namespace === namespace ? isMaster(service) || pod.spec!.enableServiceLinks !== false : isMaster(service);
  });
  // The namespace's own service of the same name wins.
  wanted.sort((a, b) => Number(a.metadata!.namespace === namespace) - Number(b.metadata!.namespace === namespace));
  for (const service of wanted) for (const [name, value] of serviceVariables(service)) variables.set(name, value);
  return variables;
}

const notFound = (resource: string, name: string) => new ConfigurationError(`${resource} "${name}" not found`);
const decode = (base64: string) => Buffer.from(base64, 'base64').toString('utf8');

function fromSource(envFrom: corev1.EnvFromSource, sources: EnvironmentSources, into: Map<string, string>): void {
  const { configMapRef, secretRef, prefix = '' } = envFrom;
  if (configMapRef) {
    const object = sources.configMap(configMapRef.name ?? '');
    if (!object && !configMapRef.optional) throw notFound('configmap', configMapRef.name ?? '');
    for (const [key, value] of Object.entries(object?.data ?? {})) into.set(prefix + key, value);
  } else if (secretRef) {
    const object = sources.secret(secretRef.name ?? '');
    if (!object && !secretRef.optional) throw notFound('secret', secretRef.name ?? '');
    for (const [key, value] of Object.entries(object?.data ?? {})) into.set(prefix + key, decode(value));
  }
}

function keyOf(
  pod: corev1.Pod,
  what: 'ConfigMap' | 'Secret',
  ref: { name?: string; key: string; optional?: boolean },
  object: { data?: Record<string, string> } | undefined,
): string | undefined {
  const name = ref.name ?? '';
  if (!object) {
    if (ref.optional) return undefined;
    throw notFound(what.toLowerCase(), name);
  }
  const value = object.data?.[ref.key];
  if (value === undefined && !ref.optional) {
    throw new ConfigurationError(`couldn't find key ${ref.key} in ${what} ${pod.metadata!.namespace}/${name}`);
  }
  return value;
}

function fileValue({ volumeName, path, key, optional }: corev1.FileKeySelector, sources: EnvironmentSources): string | undefined {
  const file = sources.envFile(volumeName, path);
  if (!file) throw new ConfigurationError(`cannot find the volume "${volumeName}" referenced by FileKeyRef`);
  let value: string;
  try {
    if (file.text === undefined) throw new Error(`failed to open environment variable file "${file.path}"`);
    value = valueInFile(file.text, key);
  } catch (cause) {
    throw new ConfigurationError("couldn't parse env file", { cause });
  }
  if (value !== '') return value;
  if (optional) return undefined;
  throw new ConfigurationError(`environment variable key "${key}" not found in file "${file.path}"`);
}

/** Undefined leaves the variable out. */
function valueFrom(
  pod: corev1.Pod,
  container: corev1.Container,
  source: corev1.EnvVarSource,
  sources: EnvironmentSources,
): string | undefined {
  if (source.fieldRef) return environmentField(pod, source.fieldRef.fieldPath, sources);
  if (source.resourceFieldRef) return resourceValue(pod, container, source.resourceFieldRef, sources.allocatable);
  if (source.configMapKeyRef) return keyOf(pod, 'ConfigMap', source.configMapKeyRef, sources.configMap(source.configMapKeyRef.name ?? ''));
  if (source.secretKeyRef) {
    const value = keyOf(pod, 'Secret', source.secretKeyRef, sources.secret(source.secretKeyRef.name ?? ''));
    return value === undefined ? undefined : decode(value);
  }
  if (source.fileKeyRef) return fileValue(source.fileKeyRef, sources);
  throw new ConfigurationError('this source of environment variables is not supported by this node');
}

function environmentField(pod: corev1.Pod, path: string, sources: EnvironmentSources): string {
  switch (path) {
    case 'status.podIP':
      return sources.podIps[0] ?? '';
    case 'status.podIPs':
      return sources.podIps.join(',');
    case 'status.hostIP':
    case 'status.hostIPs':
      return sources.hostIp;
    case 'spec.nodeName':
      return pod.spec!.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec!.serviceAccountName ?? '';
    default:
      return fieldValue(pod, path);
  }
}

/** In the order in which upstream resolves them: sources, own variables, then services for what is left. */
export function containerEnvironment(pod: corev1.Pod, container: corev1.Container, sources: EnvironmentSources): Map<string, string> {
  const services = serviceEnvironment(pod, sources.services);
  const variables = new Map<string, string>();
  for (const envFrom of container.envFrom ?? []) fromSource(envFrom, sources, variables);
  const lookUp = (name: string) => variables.get(name) ?? services.get(name);
  for (const { name, value, valueFrom: source } of container.env ?? []) {
    const resolved = value ? expand(value, lookUp) : source ? valueFrom(pod, container, source, sources) : '';
    if (resolved !== undefined) variables.set(name, resolved);
  }
  for (const [name, value] of services) if (!variables.has(name)) variables.set(name, value);
  return variables;
}

export const isZero = (quantity: string | undefined): boolean => quantity === undefined || parseQuantity(quantity).asNumber() === 0;
