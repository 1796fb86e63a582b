// Paths at which a server tells of itself: groups, versions, resources, its version, keys of tokens (apiserver endpoints/discovery,
// server/routes/version.go, kubernetes pkg/routes/openidmetadata.go).
import { groupVersionTag, groupWord, MEDIA_TYPES, META, type Operation, rootPath } from './operations.ts';
import type { PathEntry } from './paths.ts';

const JSON_ONLY = ['application/json'];

const read = (path: string, tag: string, id: string, summary: string, answer: Partial<Operation>): PathEntry => {
  const operation: Operation = { method: 'get', id, summary, tag, parameters: [], created: false, ...answer };
  return { path: `${path}/`, parameters: [], operations: [operation] };
};

const object = (typeName: string): Partial<Operation> => ({ response: `${META}${typeName}`, consumes: MEDIA_TYPES });

const camel = (word: string) => `${word.charAt(0).toLowerCase()}${word.slice(1)}`;

/** What resources a group version has. */
export const resourcesPath = (group: string, version: string): PathEntry => {
  const word = `${groupWord(group)}${version.charAt(0).toUpperCase()}${version.slice(1)}`;
  const tag = groupVersionTag(group, version);
  return read(rootPath(group, version), tag, `get${word}APIResources`, 'list the resources', object('APIResourceList'));
};

const groupPath = (group: string): PathEntry =>
  read(`/apis/${group}`, camel(groupWord(group)), `get${groupWord(group)}APIGroup`, 'tell of a group', object('APIGroup'));

/** Paths of no group version; each is a document of its own in v3, named like the path. */
export function serverPaths(groups: readonly string[]): PathEntry[] {
  return [
    read('/.well-known/openid-configuration', 'WellKnown', 'getServiceAccountIssuerOpenIDConfiguration', 'tell of the issuer of tokens', {
      consumes: [],
      produces: JSON_ONLY,
    }),
    read('/api', 'core', 'getCoreAPIVersions', 'list the versions', object('APIVersions')),
    read('/apis', 'apis', 'getAPIVersions', 'list the groups', object('APIGroupList')),
    ...groups.filter((group) => group !== '').map(groupPath),
    read('/openid/v1/jwks', 'openid', 'getServiceAccountIssuerOpenIDKeyset', 'list the keys that tokens are signed with', {
      consumes: [],
      produces: ['application/jwk-set+json'],
    }),
    read('/version', 'version', 'getCodeVersion', 'tell the version', {
      response: 'io.k8s.apimachinery.pkg.version.Info',
      consumes: JSON_ONLY,
      produces: JSON_ONLY,
    }),
  ];
}

/** `/apis/apps/` → `apis/apps`: the document that a path of no group version is in. */
export const documentOf = ({ path }: PathEntry): string => path.slice(1, -1);
