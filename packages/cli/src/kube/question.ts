// What `tiphys get` is asked for, as requests: objects by name, collections, or what manifests name.
import { pathOf } from '@tiphys/api';
import { CommandError } from '../terminal.ts';
import type { ApiResource } from './discovery.ts';
import { type FileFlags, itemOf, readManifests } from './manifests.ts';
import type { ConnectionFlags, Session } from './session.ts';
import { type Selection, targetsOf } from './targets.ts';

export interface GetFlags extends ConnectionFlags, FileFlags, Selection {
  output?: string;
  watch?: boolean;
  watchOnly?: boolean;
  outputWatchEvents?: boolean;
  showLabels?: boolean;
  labelColumns?: string[];
  showKind?: boolean;
  showManagedFields?: boolean;
  sortBy?: string;
  headers?: boolean;
  ignoreNotFound?: boolean;
  subresource?: string;
  chunkSize?: number;
  raw?: string;
}

/** One thing to ask for: an object, or a collection. */
export interface Question {
  resource: ApiResource;
  path: string;
  name?: string;
  namespace?: string;
}

/** What the words and flags ask for. */
export async function questionsOf(session: Session, args: readonly string[], flags: GetFlags): Promise<Question[]> {
  if (flags.filename) {
    if (args.length > 0)
      throw new CommandError('when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well');
    const items = [];
    for (const manifest of await readManifests(flags, session.terminal)) items.push(await itemOf(session, manifest));
    return items.map(({ resource, path, name, namespace }) => ({ resource, path, name, ...(namespace ? { namespace } : {}) }));
  }
  if (args.length === 0)
    throw new CommandError('You must specify the type of resource to get.\nUse for example: tiphys get pods. tiphys get --help tells more');
  const targets = await targetsOf(session, args, flags);
  return targets.map(({ resource, name }) => {
    const namespace = resource.namespaced && !flags.allNamespaces ? session.namespace : undefined;
    const path = pathOf(resource, namespace, name, name === undefined ? undefined : flags.subresource);
    return { resource, path, ...(name === undefined ? {} : { name }), ...(namespace ? { namespace } : {}) };
  });
}
