// What both servers must agree on at the end of a run: every object of the run's namespace, without what differs by nature (identity,
// times, revisions, random suffixes).
import { connect } from './connections.ts';
import type { Side } from './servers.ts';

/** Metadata that the server makes up. */
const MADE_UP = ['uid', 'resourceVersion', 'creationTimestamp'];
/** The volume of a pod's token has a random name. */
const TOKEN_VOLUME = /kube-api-access-[a-z0-9]{5}/g;
const TIMES = /"\d{4}-\d\d-\d\dT[\d:.]+Z"/g;
/** loadgen marks a pod with the time. */
const MARKER = /"marker":"m-\d+"/g;
const PAGE = 1000;
const DIFFERENCES_SHOWN_MAX = 5;
const CONTEXT_CHARACTERS = 100;

export type Snapshot = Map<string, string>;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  );
}

/** Upstream leaves kind and apiVersion out of a list's items. */
function essence({
  kind: _,
  apiVersion: __,
  ...object
}: {
  kind?: string;
  apiVersion?: string;
  metadata: Record<string, unknown>;
}): string {
  const metadata = { ...object.metadata };
  for (const field of MADE_UP) delete metadata[field];
  return JSON.stringify(sorted({ ...object, metadata }))
    .replace(TOKEN_VOLUME, 'kube-api-access')
    .replace(TIMES, '"TIME"')
    .replace(MARKER, '"marker":"m"');
}

export async function snapshot(side: Side, namespace: string, resources: readonly string[]): Promise<Snapshot> {
  const client = connect(side);
  const found: Snapshot = new Map();
  try {
    for (const resource of resources) {
      const [group, name] = resource.includes('/') ? resource.split(/\/(?=[^/]+$)/) : ['', resource];
      const path = `${group ? `/apis/${group}` : '/api/v1'}/namespaces/${namespace}/${name}`;
      let token = '';
      do {
        const list = await client.send('GET', `${path}?limit=${PAGE}${token && `&continue=${encodeURIComponent(token)}`}`);
        for (const item of list.items)
          if (item.metadata.name !== 'kube-root-ca.crt') found.set(`${name}/${item.metadata.name}`, essence(item));
        token = list.metadata.continue ?? '';
      } while (token);
    }
  } finally {
    client.close();
  }
  return found;
}

function difference(key: string, a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const around = (text: string) => text.slice(Math.max(0, at - CONTEXT_CHARACTERS), at + CONTEXT_CHARACTERS);
  return `${key}\n  ${around(a)}\n  ${around(b)}`;
}

/** Throws when they are not the same. Returns how many objects are. */
export function assertSame(a: Snapshot, b: Snapshot): number {
  const different = [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));
  if (different.length === 0) return a.size;
  const shown = different.slice(0, DIFFERENCES_SHOWN_MAX).map((key) => difference(key, a.get(key) ?? '', b.get(key) ?? ''));
  throw new Error(`${different.length} objects differ: ${shown.join('\n')}`);
}
