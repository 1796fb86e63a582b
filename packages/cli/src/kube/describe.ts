// `describe`: by name, by the beginning of a name, or by selector (kubectl pkg/cmd/describe/describe.go).
import { type KubeObject, pathOf } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { realClock } from '@tiphys/runtime';
import { eventsOf, writeEvents } from '../describe/common.ts';
import { writeDeployment } from '../describe/deployment.ts';
import { writeConfigMap, writeGeneric, writeSecret } from '../describe/generic.ts';
import { writeNode } from '../describe/node.ts';
import { writePod } from '../describe/pod.ts';
import { writeService } from '../describe/service.ts';
import { Writer } from '../describe/writer.ts';
import { CommandError, type Terminal, throwFailures } from '../terminal.ts';
import type { ApiResource } from './discovery.ts';
import { type FileFlags, itemOf, readManifests } from './manifests.ts';
import { type ConnectionFlags, inSession, type Session } from './session.ts';
import { type Selection, targetsOf } from './targets.ts';

export interface DescribeFlags extends ConnectionFlags, FileFlags, Selection {
  /** Without a word of it: for a single object that was named in full. */
  showEvents?: boolean;
}

interface Subject {
  resource: ApiResource;
  object: KubeObject;
}

type Describe = (w: Writer, object: any, session: Session, nowMs: number) => void | Promise<void>;

const DESCRIBERS: Record<string, Describe> = {
  'pods.': (w, pod, _session, nowMs) => writePod(w, pod, nowMs),
  'services.': writeService,
  'nodes.': writeNode,
  'secrets.': writeSecret,
  'configmaps.': writeConfigMap,
  'deployments.apps': writeDeployment,
};

export async function describeObject(session: Session, { resource, object }: Subject, showEvents: boolean): Promise<string> {
  const w = new Writer();
  const nowMs = realClock().now();
  const describe = DESCRIBERS[`${resource.resource}.${resource.group}`];
  if (describe) await describe(w, object, session, nowMs);
  else writeGeneric(w, object);
  // Secrets have no events.
  if (showEvents && resource.resource !== 'secrets') writeEvents(w, await eventsOf(session, object), nowMs);
  return w.toString();
}

async function listed(session: Session, resource: ApiResource, flags: DescribeFlags): Promise<Subject[]> {
  const namespace = resource.namespaced && !flags.allNamespaces ? session.namespace : undefined;
  const { items } = await session.call<{ items: KubeObject[] }>('GET', pathOf(resource, namespace), {
    query: { labelSelector: flags.selector },
  });
  const apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
  return items.map((item) => ({ resource, object: { apiVersion, kind: resource.kind, ...item } }));
}

/** An object, or those whose names begin so. */
async function named(session: Session, resource: ApiResource, name: string, flags: DescribeFlags): Promise<Subject[]> {
  try {
    const namespace = resource.namespaced ? session.namespace : undefined;
    return [{ resource, object: await session.call('GET', pathOf(resource, namespace, name)) }];
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const alike = (await listed(session, resource, flags)).filter(({ object }) => object.metadata?.name?.startsWith(name));
    if (alike.length === 0) throw error;
    return alike;
  }
}

async function subjectsOf(session: Session, args: readonly string[], flags: DescribeFlags, errors: unknown[]): Promise<Subject[]> {
  const subjects: Subject[] = [];
  const take = async (work: Promise<Subject[]>) => {
    try {
      subjects.push(...(await work));
    } catch (error) {
      errors.push(error);
    }
  };
  if (flags.filename) {
    for (const manifest of await readManifests(flags, session.terminal)) {
      const item = await itemOf(session, manifest);
      await take(session.call<KubeObject>('GET', item.path).then((object) => [{ resource: item.resource, object }]));
    }
    return subjects;
  }
  if (args.length === 0)
    throw new CommandError(
      'You must specify the type of resource to describe.\nUse for example: tiphys describe pods. tiphys describe --help tells more',
    );
  for (const { resource, name } of await targetsOf(session, args, flags))
    await take(name === undefined ? listed(session, resource, flags) : named(session, resource, name, flags));
  return subjects;
}

export async function runDescribe(args: string[], flags: DescribeFlags, terminal: Terminal): Promise<void> {
  await inSession(flags, terminal, async (session) => {
    const errors: unknown[] = [];
    const subjects = await subjectsOf(session, args, flags, errors);
    const texts: string[] = [];
    for (const subject of subjects)
      texts.push(await describeObject(session, subject, flags.showEvents ?? (subjects.length === 1 && errors.length === 0)));
    terminal.out(texts.join('\n\n'));
    if (subjects.length === 0 && errors.length === 0)
      terminal.error(flags.allNamespaces ? 'No resources found\n' : `No resources found in ${session.namespace} namespace.\n`);
    throwFailures(errors);
  });
}
