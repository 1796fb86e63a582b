// The documents beside the resources: group and version lists, version, health.
import type { ApiResponse } from '@tiphys/machinery';
import type { Core, RequestContext } from '../request/context.ts';
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './classic.ts';

const json = (object: object): ApiResponse => ({ status: 200, headers: {}, body: { kind: 'object', object } });
const text = (content: string): ApiResponse => ({
  status: 200,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  body: { kind: 'bytes', bytes: Buffer.from(content) },
});

export const VERSION = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.3+tiphys',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node${process.versions.node}`,
  compiler: 'v8',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

export function discoveryDocument(core: Core, context: RequestContext): ApiResponse | undefined {
  const path = context.info.path.replace(/\/+$/, '');
  const parts = path.split('/').slice(1);
  if (path === '/version') return json(VERSION);
  if (path === '/healthz' || path === '/livez' || path === '/readyz') return text('ok');
  if (path === '/api') return json(apiVersions());
  if (path === '/apis') return json(apiGroupList(core.resources));
  if (parts[0] === 'api' && parts.length === 2) return found(apiResourceList(core.resources, '', parts[1]!));
  if (parts[0] === 'apis' && parts.length === 2) return found(apiGroup(core.resources, parts[1]!));
  if (parts[0] === 'apis' && parts.length === 3) return found(apiResourceList(core.resources, parts[1]!, parts[2]!));
  return undefined;
}

const found = (object: object | undefined) => (object ? json(object) : undefined);
