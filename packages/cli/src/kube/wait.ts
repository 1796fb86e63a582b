// `wait`: until a condition, a field or the end of objects (kubectl pkg/cmd/wait/wait.go, condition.go, json.go).
import { type KubeObject, pathOf } from '@tiphys/api';
import { isNotFound, jsonPath, jsonPathText, relaxedJsonPath } from '@tiphys/machinery';
import { realClock } from '@tiphys/runtime';
import { CommandError, type Terminal, throwFailures } from '../terminal.ts';
import { durationMs } from './duration.ts';
import { type ConnectionFlags, inSession, type Session } from './session.ts';
import { kindName, type Selection, targetsOf } from './targets.ts';
import { until } from './wait-gone.ts';

export interface WaitFlags extends ConnectionFlags, Selection {
  for: string;
  all?: boolean;
  timeout: string;
}

interface Subject {
  /** `deployment.apps/web`. */
  what: string;
  /** `deployments/web`. */
  plural: string;
  path: string;
  uid?: string;
}

/** Whether an object is as wanted; undefined stands for one that does not exist. */
type Test = (object: any, subject: Subject) => boolean;

function conditionTest(text: string): Test {
  const [name = '', value = 'true'] = text.split('=');
  return (object) => {
    const condition = object?.status?.conditions?.find(({ type }: { type: string }) => type.toLowerCase() === name.toLowerCase());
    if (!condition || String(condition.status).toLowerCase() !== value.toLowerCase()) return false;
    // A condition of an older specification says nothing about this one.
    const { generation } = object.metadata ?? {};
    const observed = condition.observedGeneration ?? object.status?.observedGeneration;
    return observed === undefined || generation === undefined || observed >= generation;
  };
}

function jsonPathTest(text: string): Test {
  const match = /^(\{[^}]*\}|[^={}]+)(?:=(.*))?$/s.exec(text.replace(/^'|'$/g, ''));
  if (!match)
    throw new CommandError(
      `jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'`,
    );
  const wanted = match[2]?.replace(/^(['"])(.*)\1$/s, '$2');
  let path: ReturnType<typeof jsonPath>;
  try {
    path = jsonPath(relaxedJsonPath(match[1]!), { allowMissingKeys: true });
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
  return (object) => {
    if (object === undefined) return false;
    const found = path.find(object).flat();
    if (found.length === 0) return false;
    if (found.length > 1) throw new CommandError('given jsonpath expression matches more than one value');
    return wanted === undefined || jsonPathText(found[0]) === wanted;
  };
}

export function testOf(text: string): Test {
  const [form = ''] = text.split('=');
  const rest = text.slice(form.length + 1);
  if (text.toLowerCase() === 'delete')
    return (object, { uid }) => object === undefined || (uid !== undefined && object.metadata?.uid !== uid);
  if (text.toLowerCase() === 'create') return (object) => object !== undefined;
  if (form === 'condition' && rest !== '') return conditionTest(rest);
  if (form === 'jsonpath' && rest !== '') return jsonPathTest(rest);
  throw new CommandError(`unrecognized condition: ${JSON.stringify(text)}`);
}

async function look(session: Session, path: string): Promise<KubeObject | undefined> {
  try {
    return await session.call('GET', path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function subjectsOf(session: Session, args: readonly string[], flags: WaitFlags): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const { resource, name } of await targetsOf(session, args, flags)) {
    const namespace = resource.namespaced && !flags.allNamespaces ? session.namespace : undefined;
    const subject = (objectName: string, place: string | undefined, uid?: string): Subject => ({
      what: `${kindName(resource)}/${objectName}`,
      plural: `${resource.resource}/${objectName}`,
      path: pathOf(resource, place, objectName),
      ...(uid ? { uid } : {}),
    });
    if (name !== undefined) {
      const found = await look(session, pathOf(resource, namespace, name));
      // What is not there has been deleted already.
      if (found || flags.for.toLowerCase() !== 'delete') subjects.push(subject(name, namespace, found?.metadata?.uid));
      continue;
    }
    if (!flags.selector && !flags.fieldSelector && !flags.all)
      throw new CommandError('resource(s) were provided, but no name was specified');
    const query = { labelSelector: flags.selector, fieldSelector: flags.fieldSelector };
    const list = await session.call<{ items: KubeObject[] }>('GET', pathOf(resource, namespace), { query });
    for (const { metadata } of list.items) subjects.push(subject(metadata?.name ?? '', metadata?.namespace, metadata?.uid));
  }
  return subjects;
}

export async function runWait(args: string[], flags: WaitFlags, terminal: Terminal): Promise<void> {
  const test = testOf(flags.for);
  const form = flags.for.toLowerCase();
  await inSession(flags, terminal, async (session) => {
    const subjects = await subjectsOf(session, args, flags);
    if (subjects.length === 0 && form !== 'delete') throw new CommandError('no matching resources found');
    const deadlineMs = realClock().monotonicMs() + durationMs(flags.timeout, '--timeout');
    const errors: unknown[] = [];
    for (const subject of subjects) {
      try {
        if (form !== 'delete' && form !== 'create') await session.call('GET', subject.path);
        await until(
          deadlineMs,
          () => new CommandError(`timed out waiting for the condition on ${subject.plural}`),
          async () => test(await look(session, subject.path), subject),
        );
        terminal.out(`${subject.what} condition met
`);
      } catch (error) {
        errors.push(error);
      }
    }
    throwFailures(errors);
  });
}
