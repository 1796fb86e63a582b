// Containers in a description: image, ports, command, state, resources, probes, environment, mounts.
import type { corev1 } from '@tiphys/api';
import { timeText } from './common.ts';
import type { Writer } from './writer.ts';

function portText(ports: readonly corev1.ContainerPort[] | undefined, key: 'containerPort' | 'hostPort'): string {
  return (ports ?? []).map((port) => `${port[key] ?? 0}/${port.protocol ?? 'TCP'}${port.name ? ` (${port.name})` : ''}`).join(', ');
}

function writePorts(w: Writer, { ports }: corev1.Container): void {
  for (const [key, title] of [
    ['containerPort', 'Port'],
    ['hostPort', 'Host Port'],
  ] as const) {
    const text = portText(ports, key);
    w.line(2, `${title}${text.includes(',') ? 's' : ''}:\t${text || '<none>'}`);
  }
}

function writeState(w: Writer, title: string, state: corev1.ContainerState | undefined): void {
  const { running, waiting, terminated } = state ?? {};
  if (running) {
    w.line(2, `${title}:\tRunning`);
    w.line(3, `Started:\t${timeText(running.startedAt)}`);
  } else if (terminated) {
    w.line(2, `${title}:\tTerminated`);
    if (terminated.reason) w.line(3, `Reason:\t${terminated.reason}`);
    if (terminated.message) w.line(3, `Message:\t${terminated.message}`);
    w.line(3, `Exit Code:\t${terminated.exitCode}`);
    if ((terminated.signal ?? 0) > 0) w.line(3, `Signal:\t${terminated.signal}`);
    w.line(3, `Started:\t${timeText(terminated.startedAt)}`);
    w.line(3, `Finished:\t${timeText(terminated.finishedAt)}`);
  } else {
    w.line(2, `${title}:\tWaiting`);
    if (waiting?.reason) w.line(3, `Reason:\t${waiting.reason}`);
  }
}

export function writeResources(w: Writer, level: number, resources: corev1.ResourceRequirements | undefined): void {
  for (const [title, list] of [
    ['Limits', resources?.limits],
    ['Requests', resources?.requests],
  ] as const) {
    const names = Object.keys(list ?? {}).sort();
    if (names.length > 0) w.line(level, `${title}:`);
    for (const name of names) w.line(level + 1, `${name}:\t${(list as Record<string, string>)[name]}`);
  }
}

export function probeText(probe: corev1.Probe): string {
  const { initialDelaySeconds = 0, timeoutSeconds = 0, periodSeconds = 0, successThreshold = 0, failureThreshold = 0 } = probe;
  const attributes = `delay=${initialDelaySeconds}s timeout=${timeoutSeconds}s period=${periodSeconds}s #success=${successThreshold} #failure=${failureThreshold}`;
  if (probe.exec) return `exec [${(probe.exec.command ?? []).join(' ')}] ${attributes}`;
  if (probe.httpGet) {
    const { scheme = 'HTTP', host = '', port, path = '' } = probe.httpGet;
    return `http-get ${scheme.toLowerCase()}://${host}:${port}${path && !path.startsWith('/') ? '/' : ''}${path} ${attributes}`;
  }
  if (probe.tcpSocket) return `tcp-socket ${probe.tcpSocket.host ?? ''}:${probe.tcpSocket.port} ${attributes}`;
  if (probe.grpc) return `grpc <pod>:${probe.grpc.port} ${probe.grpc.service ?? ''} ${attributes}`;
  return `unknown ${attributes}`;
}

function writeEnvironmentFrom(w: Writer, { envFrom = [] }: corev1.Container): void {
  if (!envFrom || envFrom.length === 0) return;
  w.line(2, 'Environment Variables from:');
  for (const { configMapRef, secretRef, prefix } of envFrom) {
    const reference = configMapRef ?? secretRef;
    const from = configMapRef ? 'ConfigMap' : 'Secret';
    w.line(3, `${reference?.name ?? ''}\t${from}${prefix ? ` with prefix '${prefix}'` : ''}\tOptional: ${reference?.optional ?? false}`);
  }
}

/** A field of the pod as the container sees it. */
function fieldValue(pod: corev1.Pod | undefined, path: string): string {
  if (!pod) return '';
  const entry = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (entry) return (pod.metadata?.[entry[1] as 'labels'] as Record<string, string> | undefined)?.[entry[2]!] ?? '';
  const value = path.split('.').reduce<any>((object, key) => object?.[key], pod);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function variableText({ name, value = '', valueFrom }: corev1.EnvVar, container: corev1.Container, pod?: corev1.Pod): string {
  if (valueFrom?.fieldRef) {
    const { apiVersion = 'v1', fieldPath } = valueFrom.fieldRef;
    return `${name}:\t${fieldValue(pod, fieldPath)} (${apiVersion}:${fieldPath})`;
  }
  if (valueFrom?.resourceFieldRef) {
    const { resource } = valueFrom.resourceFieldRef;
    const [list = '', ...rest] = resource.split('.');
    const amount = (container.resources?.[list as 'limits'] as Record<string, string> | undefined)?.[rest.join('.')];
    return `${name}:\t${amount ?? (list === 'limits' ? 'node allocatable' : '0')} (${resource})`;
  }
  if (valueFrom?.secretKeyRef) {
    const { key, name: secret, optional = false } = valueFrom.secretKeyRef;
    return `${name}:\t<set to the key '${key}' in secret '${secret}'>\tOptional: ${optional}`;
  }
  if (valueFrom?.configMapKeyRef) {
    const { key, name: map, optional = false } = valueFrom.configMapKeyRef;
    return `${name}:\t<set to the key '${key}' of config map '${map}'>\tOptional: ${optional}`;
  }
  return `${name}:\t${value.replaceAll('\n', '\n      \t')}`;
}

function writeMounts(w: Writer, { volumeMounts, volumeDevices }: corev1.Container): void {
  const mounts = [...(volumeMounts ?? [])].sort((a, b) => (a.mountPath < b.mountPath ? -1 : 1));
  w.line(2, `Mounts:${mounts.length === 0 ? '\t<none>' : ''}`);
  for (const { mountPath, name, readOnly, subPath } of mounts)
    w.line(3, `${mountPath} from ${name} (${readOnly ? 'ro' : 'rw'}${subPath ? `,path=${JSON.stringify(subPath)}` : ''})`);
  if (!volumeDevices?.length) return;
  w.line(2, 'Devices:');
  for (const { devicePath, name } of volumeDevices) w.line(3, `${devicePath} from ${name}`);
}

function writeWords(w: Writer, title: string, words: readonly string[] | undefined): void {
  if (!words || words.length === 0) return;
  w.line(2, `${title}:`);
  for (const word of words) for (const line of word.split('\n')) w.line(3, line);
}

function writeContainer(
  w: Writer,
  container: corev1.Container,
  status: corev1.ContainerStatus | undefined,
  pod: corev1.Pod | undefined,
  space: string,
): void {
  w.line(1, `${space ? ' ' : ''}${container.name}:`);
  if (status) w.line(2, `Container ID:\t${status.containerID ?? ''}`);
  w.line(2, `Image:\t${container.image}`);
  if (status) w.line(2, `Image ID:\t${status.imageID ?? ''}`);
  writePorts(w, container);
  const seccomp = container.securityContext?.seccompProfile;
  if (seccomp) w.line(2, `SeccompProfile:\t${seccomp.type}`);
  writeWords(w, 'Command', container.command);
  writeWords(w, 'Args', container.args);
  if (status) {
    writeState(w, 'State', status.state);
    if (status.lastState?.terminated) writeState(w, 'Last State', status.lastState);
    w.line(2, `Ready:\t${status.ready ? 'True' : 'False'}`);
    w.line(2, `Restart Count:\t${status.restartCount}`);
  }
  writeResources(w, 2, container.resources);
  for (const [title, probe] of [
    ['Liveness', container.livenessProbe],
    ['Readiness', container.readinessProbe],
    ['Startup', container.startupProbe],
  ] as const)
    if (probe) w.line(2, `${title}:\t${probeText(probe)}`);
  writeEnvironmentFrom(w, container);
  const variables = container.env ?? [];
  w.line(2, `Environment:${variables.length === 0 ? '\t<none>' : ''}`);
  for (const variable of variables) w.line(3, variableText(variable, container, pod));
  writeMounts(w, container);
}

export function writeContainers(
  w: Writer,
  title: string,
  containers: readonly corev1.Container[],
  statuses: readonly corev1.ContainerStatus[] | undefined,
  pod: corev1.Pod | undefined,
  space = '',
): void {
  w.raw(`${space}${title}:${containers.length === 0 ? ' <none>' : ''}\n`);
  for (const container of containers)
    writeContainer(
      w,
      container,
      statuses?.find(({ name }) => name === container.name),
      pod,
      space,
    );
}
