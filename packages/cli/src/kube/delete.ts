// `delete`: by file, name or selector, and then waits until what was deleted is gone (kubectl pkg/cmd/delete/delete.go).
import { type KubeObject, pathOf } from '@tiphys/api';
import { isNotFound, StatusError } from '@tiphys/machinery';
import { realClock } from '@tiphys/runtime';
import { CommandError, type Terminal, throwFailures } from '../terminal.ts';
import type { ApiResource } from './discovery.ts';
import { durationMs } from './duration.ts';
import { type FileFlags, itemOf, readManifests } from './manifests.ts';
import { type ConnectionFlags, inSession, type Session } from './session.ts';
import { kindName, type Selection, targetsOf } from './targets.ts';
import { type Awaited, WAIT_MS_MAX, waitUntilGone } from './wait-gone.ts';

export interface DeleteFlags extends ConnectionFlags, FileFlags, Selection {
  all?: boolean;
  gracePeriod: number;
  force?: boolean;
  now?: boolean;
  cascade: string;
  ignoreNotFound?: boolean;
  wait: boolean;
  timeout: string;
  dryRun?: 'none' | 'client' | 'server';
  output?: string;
}

interface Doomed {
  resource: ApiResource;
  name: string;
  namespace?: string;
  path: string;
  source?: string;
}

const POLICIES: Record<string, string> = {
  background: 'Background',
  true: 'Background',
  foreground: 'Foreground',
  orphan: 'Orphan',
  false: 'Orphan',
};

function completed(flags: DeleteFlags, terminal: Terminal): DeleteFlags {
  if (flags.output && flags.output !== 'name')
    throw new CommandError(`unexpected -o output mode: ${flags.output}. We only support '-o name'`);
  if (flags.all && flags.selector) throw new CommandError("setting 'all' parameter but found a non empty selector. ");
  if (flags.all && flags.fieldSelector) throw new CommandError('cannot set --all and --field-selector at the same time');
  let { gracePeriod } = flags;
  if (flags.now) {
    if (gracePeriod !== -1) throw new CommandError('--now and --grace-period cannot be specified together');
    gracePeriod = 1;
  }
  if (flags.force && gracePeriod > 0) throw new CommandError('--force and --grace-period greater than 0 cannot be specified together');
  // Without --force the shortest time that still ends things in order.
  if (gracePeriod === 0 && !flags.force) gracePeriod = 1;
  if (flags.force && gracePeriod < 0) gracePeriod = 0;
  if (flags.force && gracePeriod === 0) {
    terminal.error(
      'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
    );
  }
  return { ...flags, gracePeriod };
}

async function byName(session: Session, args: readonly string[], flags: DeleteFlags): Promise<Doomed[]> {
  const targets = await targetsOf(session, args, flags);
  const doomed: Doomed[] = [];
  for (const { resource, name } of targets) {
    const namespace = resource.namespaced && !flags.allNamespaces ? session.namespace : undefined;
    if (name !== undefined) {
      doomed.push({ resource, name, path: pathOf(resource, namespace, name), ...(namespace ? { namespace } : {}) });
      continue;
    }
    if (!flags.all && !flags.selector && !flags.fieldSelector)
      throw new CommandError('resource(s) were provided, but no name was specified');
    const query = { labelSelector: flags.selector, fieldSelector: flags.fieldSelector };
    const list = await session.call<{ items: KubeObject[] }>('GET', pathOf(resource, namespace), { query });
    for (const { metadata } of list.items) {
      const place = metadata?.namespace;
      const path = pathOf(resource, place, metadata?.name ?? '');
      doomed.push({ resource, name: metadata?.name ?? '', path, ...(place ? { namespace: place } : {}) });
    }
  }
  return doomed;
}

async function doomedOf(session: Session, args: readonly string[], flags: DeleteFlags): Promise<Doomed[]> {
  if (!flags.filename) {
    if (args.length === 0)
      throw new CommandError(
        "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
      );
    return byName(session, args, flags);
  }
  if (args.length > 0)
    throw new CommandError('when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well');
  const doomed: Doomed[] = [];
  for (const manifest of await readManifests(flags, session.terminal)) doomed.push(await itemOf(session, manifest));
  return doomed;
}

function said({ resource, name, namespace }: Doomed, flags: DeleteFlags): string {
  if (flags.output === 'name') return `${kindName(resource)}/${name}\n`;
  const operation = flags.gracePeriod === 0 ? 'force deleted' : 'deleted';
  const place = namespace ? ` from ${namespace} namespace` : '';
  const dryRun = flags.dryRun === 'client' ? ' (dry run)' : flags.dryRun === 'server' ? ' (server dry run)' : '';
  return `${kindName(resource)} "${name}" ${operation}${place}${dryRun}\n`;
}

async function deleteOne(session: Session, doomed: Doomed, flags: DeleteFlags): Promise<Awaited> {
  const { path, resource, name, source } = doomed;
  const what = `${resource.resource}/${name}`;
  if (flags.dryRun === 'client') {
    await session.call('GET', path);
    return { path, what };
  }
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: POLICIES[flags.cascade],
    ...(flags.gracePeriod >= 0 ? { gracePeriodSeconds: flags.gracePeriod } : {}),
    ...(flags.dryRun === 'server' ? { dryRun: ['All'] } : {}),
  };
  try {
    const answer = await session.call('DELETE', path, { body });
    const uid = answer?.kind === 'Status' ? answer.details?.uid : answer?.metadata?.uid;
    return { path, what, ...(uid ? { uid } : {}) };
  } catch (error) {
    if (source && error instanceof StatusError)
      throw new StatusError(error.code, error.reason, `error when deleting ${JSON.stringify(source)}: ${error.message}`, error.details);
    throw error;
  }
}

async function awaitAll(session: Session, gone: readonly Awaited[], flags: DeleteFlags): Promise<void> {
  const deadlineMs = realClock().monotonicMs() + (durationMs(flags.timeout, '--timeout') || WAIT_MS_MAX);
  for (const awaited of gone) {
    try {
      await waitUntilGone(session, awaited, deadlineMs);
    } catch (error) {
      // Who may delete but not look has no way to wait; that is no failure.
      if (!(error instanceof StatusError && (error.code === 403 || error.code === 405))) throw error;
    }
  }
}

export async function runDelete(args: string[], given: DeleteFlags, terminal: Terminal): Promise<void> {
  const flags = completed(given, terminal);
  await inSession(flags, terminal, async (session) => {
    const doomed = await doomedOf(session, args, flags);
    const errors: unknown[] = [];
    const gone: Awaited[] = [];
    for (const one of doomed) {
      try {
        gone.push(await deleteOne(session, one, flags));
        terminal.out(said(one, flags));
      } catch (error) {
        if (!(flags.ignoreNotFound && isNotFound(error))) errors.push(error);
      }
    }
    if (doomed.length === 0) terminal.out('No resources found\n');
    if (flags.wait && (flags.dryRun ?? 'none') === 'none') await awaitAll(session, gone, flags);
    throwFailures(errors);
  });
}
