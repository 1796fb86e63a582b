// Turns a path such as /exec/namespace/pod/container into the runtime's URL for the stream
// (server.go getExec, getAttach, getPortForward; kubelet_pods.go).
import type { Pod, StreamHost, StreamTarget } from './host.ts';
import { HttpError } from './http-error.ts';

const isSet = (query: URLSearchParams, name: string) => query.get(name) === '1' || query.get(name) === 'true';

/** Which streams the caller wants. A terminal has one output. */
export function streamTarget(query: URLSearchParams): StreamTarget {
  const tty = isSet(query, 'tty');
  const target = { stdin: isSet(query, 'input'), stdout: isSet(query, 'output'), stderr: isSet(query, 'error') && !tty, tty };
  if (!target.stdin && !target.stdout && !target.stderr) throw new HttpError(400, 'you must specify at least 1 of stdin, stdout, stderr');
  return target;
}

function findPod(host: StreamHost, namespace: string, name: string, uid: string | undefined): Pod {
  const pod = host.pod(namespace, name);
  if (!pod) throw new HttpError(404, 'pod does not exist');
  if (uid && pod.metadata?.uid !== uid) throw new HttpError(404, 'pod not found');
  return pod;
}

function ports(query: URLSearchParams): number[] {
  return query
    .getAll('port')
    .flatMap((list) => list.split(','))
    .filter((text) => text !== '')
    .map((text) => {
      const port = Number(text);
      if (!Number.isInteger(port) || port < 1 || port > 65_535)
        throw new HttpError(400, `unable to parse ${JSON.stringify(text)} as a port`);
      return port;
    });
}

const containersOf = (pod: Pod) => [
  ...(pod.spec?.containers ?? []),
  ...(pod.spec?.initContainers ?? []),
  ...(pod.spec?.ephemeralContainers ?? []),
];

export async function streamUrl(host: StreamHost, url: URL): Promise<URL> {
  const [kind, namespace = '', name = '', ...rest] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  if (kind === 'portForward' && name !== '' && rest.length <= 1) {
    const pod = findPod(host, namespace, name, rest[0]);
    const sandboxId = await host.sandboxId(pod);
    if (!sandboxId) throw new HttpError(500, `pod not found (${JSON.stringify(`${name}_${namespace}`)})`);
    return new URL(await host.portForward(sandboxId, ports(url.searchParams)));
  }
  if ((kind !== 'exec' && kind !== 'attach') || rest.length < 1 || rest.length > 2) throw new HttpError(404, '404 page not found');
  const target = streamTarget(url.searchParams);
  const pod = findPod(host, namespace, name, rest.length === 2 ? rest[0] : undefined);
  const container = rest.at(-1)!;
  const containerId = await host.containerId(pod, container);
  if (kind === 'exec') {
    if (!containerId) throw new HttpError(500, `container not found (${JSON.stringify(container)})`);
    return new URL(await host.exec(containerId, url.searchParams.getAll('command'), target));
  }
  if (!containerId) throw new HttpError(500, `container ${container} not found in pod ${name}_${namespace}`);
  // Whether there is a terminal was settled when the container started.
  const tty = containersOf(pod).find((each) => each.name === container)?.tty ?? false;
  return new URL(await host.attach(containerId, { ...target, tty, stderr: target.stderr && !tty }));
}
