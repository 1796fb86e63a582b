// Admission of connections: exec, attach, port-forward and proxies (apiserver endpoints/handlers/rest.go ConnectResource).
import type { KubeObject } from '@tiphys/api';
import type { RequestInfo } from '../interfaces.ts';
import type { RequestContext } from '../request/context.ts';
import { admit, admitValid, attributesOf } from './admit.ts';

type Options = Record<string, unknown>;

const isTrue = (text: string | null) => text !== null && text !== 'false' && text !== '0';

const streams = ({ query }: RequestInfo): Options => ({
  ...Object.fromEntries(['stdin', 'stdout', 'stderr', 'tty'].flatMap((name) => (isTrue(query.get(name)) ? [[name, true]] : []))),
  ...(query.get('container') ? { container: query.get('container') } : {}),
});

/** What follows the proxy in the path. */
function proxied({ path }: RequestInfo): Options {
  const rest = /\/proxy(\/.*)?$/.exec(path)?.[1] ?? '';
  return rest ? { path: rest } : {};
}

/** The kind of options by `resource/subresource`, and how they are read from the request. */
const OPTIONS: Record<string, { kind: string; read(info: RequestInfo): Options }> = {
  'pods/exec': {
    kind: 'PodExecOptions',
    read: (info) => ({ ...streams(info), ...(info.query.has('command') ? { command: info.query.getAll('command') } : {}) }),
  },
  'pods/attach': { kind: 'PodAttachOptions', read: streams },
  'pods/portforward': {
    kind: 'PodPortForwardOptions',
    read: ({ query }) => {
      const ports = query.getAll('ports').flatMap((list) => list.split(',').map(Number));
      return ports.length > 0 ? { ports } : {};
    },
  },
  'pods/proxy': { kind: 'PodProxyOptions', read: proxied },
  'services/proxy': { kind: 'ServiceProxyOptions', read: proxied },
  'nodes/proxy': { kind: 'NodeProxyOptions', read: proxied },
};

/** Throws the StatusError of a plugin that refuses; requests that don't connect pass. */
export async function admitConnection(context: RequestContext): Promise<void> {
  const { info, core } = context;
  if (info.subresource === '' || info.apiGroup !== '') return;
  const options = OPTIONS[`${info.resource}/${info.subresource}`];
  const endpoint = options && core.resources.find('', info.apiVersion, info.resource);
  if (!endpoint) return;
  const object = { kind: options.kind, apiVersion: 'v1', ...options.read(info) } as KubeObject;
  const attributes = attributesOf(context, endpoint, { operation: 'CONNECT', object, dryRun: false, name: info.name });
  await admit(context, attributes);
  await admitValid(context, attributes);
}
