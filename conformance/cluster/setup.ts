// What a cluster for the tests is made of: how many machines, which parts are upstream's programs in place of ours, and where its
// state lies. Pure.

export const UPSTREAM_PARTS = ['apiserver', 'controllers', 'scheduler', 'kubelet'] as const;
export type UpstreamPart = (typeof UPSTREAM_PARTS)[number];

/** Two tests need two. */
export const NODES_DEFAULT = 2;

export interface Setup {
  nodes: number;
  upstream: ReadonlySet<UpstreamPart>;
  /** State in upstream's etcd, not in a file. */
  etcd: boolean;
}

/** Words of the command line, such as `controllers,scheduler`. */
export function parseUpstream(text: string): Set<UpstreamPart> {
  const words = text.split(',').filter((word) => word !== '');
  for (const word of words)
    if (!(UPSTREAM_PARTS as readonly string[]).includes(word))
      throw new Error(`--upstream takes ${UPSTREAM_PARTS.join(', ')}, not ${word}`);
  return new Set(words as UpstreamPart[]);
}

/** Throws when there is no way to put it together. */
export function checkSetup({ upstream, etcd }: Setup): void {
  if (upstream.has('apiserver') && upstream.has('kubelet')) throw new Error('--upstream: nothing of ours runs with apiserver and kubelet');
  if (upstream.has('apiserver') && etcd) throw new Error('--etcd: kube-apiserver has one anyway');
}

/** A name for files; empty for a cluster that is ours alone, with its state in a file. */
export function setupName({ upstream, etcd }: Setup): string {
  const parts = UPSTREAM_PARTS.filter((part) => upstream.has(part));
  return [...(parts.length > 0 ? ['upstream', ...parts] : []), ...(etcd ? ['etcd'] : [])].join('-');
}

const PROGRAMS: Record<UpstreamPart, string> = {
  apiserver: 'kube-apiserver (on etcd)',
  controllers: 'kube-controller-manager',
  scheduler: 'kube-scheduler',
  kubelet: 'kubelet and kube-proxy',
};

/** The flags that ask for it, to be put behind `npm run conformance --`. */
export const setupFlags = ({ nodes, upstream, etcd }: Setup): string =>
  [
    ...(nodes === NODES_DEFAULT ? [] : [`--nodes ${nodes}`]),
    ...(upstream.size > 0 ? [`--upstream ${UPSTREAM_PARTS.filter((part) => upstream.has(part)).join(',')}`] : []),
    ...(etcd ? ['--etcd'] : []),
  ].join(' ');

/** A sentence on what the tests ran against. */
export function describeSetup({ nodes, upstream, etcd }: Setup): string {
  const machines = nodes === 1 ? 'one machine' : `${nodes} machines (network namespaces of one, each with its own containerd)`;
  const parts = UPSTREAM_PARTS.filter((part) => upstream.has(part)).map((part) => PROGRAMS[part]);
  const replaced = parts.length > 0 ? `,\nwith upstream's ${parts.join(' and ')} in place of ours` : '';
  return `a cluster on ${machines} with real containers${replaced}${etcd ? ', with its state in etcd' : ''}`;
}
