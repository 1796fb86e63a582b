// `rollout`: status, history, undo and restart (kubectl pkg/cmd/rollout, pkg/polymorphichelpers).
import { type appsv1, type KubeObject, pathOf, timeText } from '@tiphys/api';
import { formatLabelSelector } from '@tiphys/machinery';
import { realClock } from '@tiphys/runtime';
import { CommandError, type Terminal } from '../terminal.ts';
import type { ApiResource } from './discovery.ts';
import { durationMs } from './duration.ts';
import { daemonSetProgress, deploymentProgress, type Progress, statefulSetProgress } from './rollout-status.ts';
import { type ConnectionFlags, inSession, type Session } from './session.ts';
import { kindName, targetsOf } from './targets.ts';
import { until, WAIT_MS_MAX } from './wait-gone.ts';

export interface RolloutFlags extends ConnectionFlags {
  timeout?: string;
  toRevision?: string;
}

const REVISION = 'deployment.kubernetes.io/revision';
const CHANGE_CAUSE = 'kubernetes.io/change-cause';
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';
const HASH_LABEL = 'pod-template-hash';
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };

const PROGRESS: Record<string, (object: any) => Progress> = {
  Deployment: deploymentProgress,
  DaemonSet: daemonSetProgress,
  StatefulSet: statefulSetProgress,
};

interface Subject {
  resource: ApiResource;
  path: string;
  what: string;
  object: KubeObject;
}

async function subjects(session: Session, args: readonly string[]): Promise<Subject[]> {
  const found: Subject[] = [];
  for (const { resource, name } of await targetsOf(session, args)) {
    if (name === undefined) throw new CommandError('required resource not specified: give TYPE/NAME');
    const path = pathOf(resource, session.namespace, name);
    found.push({ resource, path, what: `${kindName(resource)}/${name}`, object: await session.call<KubeObject>('GET', path) });
  }
  return found;
}

/** ReplicaSets of a Deployment by revision. */
async function revisions(session: Session, { resource, object }: Subject): Promise<Map<number, appsv1.ReplicaSet>> {
  if (resource.kind !== 'Deployment')
    throw new CommandError(`no history viewer has been implemented for ${JSON.stringify(resource.kind)}; use kubectl`);
  const labelSelector = formatLabelSelector((object as appsv1.Deployment).spec?.selector);
  const url = `/apis/apps/v1/namespaces/${object.metadata!.namespace}/replicasets`;
  const { items } = await session.call<{ items: appsv1.ReplicaSet[] }>('GET', url, { query: { labelSelector } });
  const own = items.filter((set) => set.metadata?.ownerReferences?.some(({ uid }) => uid === object.metadata!.uid));
  return new Map(own.map((set) => [Number(set.metadata?.annotations?.[REVISION] ?? 0), set] as const).sort(([a], [b]) => a - b));
}

async function status(session: Session, subject: Subject, flags: RolloutFlags): Promise<void> {
  const progressOf = PROGRESS[subject.resource.kind];
  if (!progressOf) throw new CommandError(`no status viewer has been implemented for ${JSON.stringify(subject.resource.kind)}`);
  const timeoutMs = flags.timeout ? durationMs(flags.timeout, '--timeout') : 0;
  const deadlineMs = realClock().monotonicMs() + (timeoutMs > 0 ? timeoutMs : WAIT_MS_MAX);
  let said = '';
  await until(
    deadlineMs,
    () => new CommandError('timed out waiting for the condition'),
    async () => {
      const progress = progressOf(await session.call('GET', subject.path));
      if (progress.text !== said) session.terminal.out(`${progress.text}\n`);
      said = progress.text;
      return progress.done;
    },
  );
}

async function history(session: Session, subject: Subject): Promise<void> {
  const rows = [...(await revisions(session, subject))].map(
    ([revision, set]) => `${String(revision).padEnd(10)}${set.metadata?.annotations?.[CHANGE_CAUSE] || '<none>'}\n`,
  );
  session.terminal.out(rows.length === 0 ? 'No rollout history found.\n' : `${subject.what} \nREVISION  CHANGE-CAUSE\n${rows.join('')}\n`);
}

async function undo(session: Session, subject: Subject, flags: RolloutFlags): Promise<void> {
  const known = await revisions(session, subject);
  const wanted = Number(flags.toRevision ?? 0);
  const target = wanted > 0 ? known.get(wanted) : [...known.values()].at(-2);
  if (!target)
    throw new CommandError(
      wanted > 0
        ? `unable to find specified revision ${wanted} in history`
        : `no rollout history found for deployment ${JSON.stringify(subject.object.metadata?.name)}`,
    );
  if ((subject.object as appsv1.Deployment).spec?.paused)
    throw new CommandError(`you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again`);
  const { [HASH_LABEL]: _hash, ...labels } = target.spec?.template?.metadata?.labels ?? {};
  const template = { ...target.spec?.template, metadata: { ...target.spec?.template?.metadata, labels } };
  await session.call('PATCH', subject.path, {
    body: [{ op: 'replace', path: '/spec/template', value: template }],
    headers: { 'content-type': 'application/json-patch+json' },
  });
  session.terminal.out(`${subject.what} rolled back\n`);
}

async function restart(session: Session, subject: Subject): Promise<void> {
  const annotations = { [RESTARTED_AT]: timeText(realClock().now()) };
  await session.call('PATCH', subject.path, { body: { spec: { template: { metadata: { annotations } } } }, headers: STRATEGIC });
  session.terminal.out(`${subject.what} restarted\n`);
}

const ACTIONS = { status, history, undo, restart };
export type RolloutAction = keyof typeof ACTIONS;

export async function runRollout(action: RolloutAction, args: string[], flags: RolloutFlags, terminal: Terminal): Promise<void> {
  await inSession(flags, terminal, async (session) => {
    for (const subject of await subjects(session, args)) await ACTIONS[action](session, subject, flags);
  });
}
