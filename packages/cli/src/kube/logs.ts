// `logs`: of one pod, of a workload's best pod, or of all pods with a label (kubectl pkg/cmd/logs/logs.go).
import { corev1, pathOf } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { CommandError, type Terminal, throwFailures } from '../terminal.ts';
import { durationMs } from './duration.ts';
import { choosePods, containerNames, defaultContainer, podsBySelector, requireContainer } from './pods.ts';
import { type ConnectionFlags, inSession, type Session, withQuery } from './session.ts';

export interface LogsFlags extends ConnectionFlags {
  follow?: boolean;
  container?: string;
  allContainers?: boolean;
  previous?: boolean;
  selector?: string;
  tail?: number;
  since?: string;
  sinceTime?: string;
  timestamps?: boolean;
  limitBytes?: number;
  prefix?: boolean;
  ignoreErrors?: boolean;
  maxLogRequests: number;
}

const SELECTED_TAIL = 10;

interface Log {
  pod: string;
  container: string;
  url: string;
}

function queryOf(flags: LogsFlags, container: string) {
  const tail = flags.tail ?? (flags.selector ? SELECTED_TAIL : -1);
  return {
    container,
    follow: flags.follow,
    previous: flags.previous,
    timestamps: flags.timestamps,
    tailLines: tail >= 0 ? String(tail) : undefined,
    sinceSeconds: flags.since ? Math.ceil(durationMs(flags.since, '--since') / 1000) : undefined,
    sinceTime: flags.sinceTime,
    limitBytes: flags.limitBytes,
  };
}

function logsOf(session: Session, pod: corev1.Pod, flags: LogsFlags): Log[] {
  const name = pod.metadata?.name ?? '';
  const containers = flags.allContainers
    ? containerNames(pod)
    : [flags.container ? requireContainer(pod, flags.container) : defaultContainer(session, pod)];
  const path = pathOf(corev1.pods, pod.metadata?.namespace, name, 'log');
  return containers.map((container) => ({ pod: name, container, url: withQuery(path, queryOf(flags, container)) }));
}

async function chosenLogs(session: Session, name: string | undefined, flags: LogsFlags): Promise<Log[]> {
  if (flags.selector) {
    const pods = await podsBySelector(session, flags.selector);
    if (pods.length === 0) session.terminal.error(`No resources found in ${session.namespace} namespace.\n`);
    return pods.flatMap((pod) => logsOf(session, pod, flags));
  }
  const { pods, owner } = await choosePods(session, name!).catch((error) => {
    if (!isNotFound(error)) throw error;
    throw new CommandError(`error from server (NotFound): ${(error as Error).message} in namespace ${JSON.stringify(session.namespace)}`);
  });
  const pod = pods[0]!;
  if (owner && pods.length > 1) session.terminal.error(`Found ${pods.length} pods, using pod/${pod.metadata?.name}\n`);
  return logsOf(session, pod, flags);
}

async function copy(session: Session, log: Log, prefix: boolean): Promise<void> {
  const { terminal } = session;
  const stream = await session.connection.client.stream('GET', log.url);
  const decoder = new TextDecoder();
  const mark = prefix ? `[pod/${log.pod}/${log.container}] ` : '';
  let rest = '';
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true });
    if (!mark) {
      terminal.out(text);
      continue;
    }
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    if (lines.length > 0) terminal.out(lines.map((line) => `${mark}${line}\n`).join(''));
  }
  if (rest) terminal.out(`${mark}${rest}\n`);
}

function check(name: string | undefined, flags: LogsFlags): void {
  if (name === undefined && !flags.selector)
    throw new CommandError(
      "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
    );
  if (name !== undefined && flags.selector) throw new CommandError('only a selector (-l) or a POD name is allowed');
  if (flags.since && flags.sinceTime) throw new CommandError('at most one of `sinceTime` or `sinceSeconds` may be specified');
  if (flags.container && flags.allContainers) throw new CommandError('--all-containers=true should not be specified with container name');
  if (flags.tail !== undefined && !(Number.isInteger(flags.tail) && flags.tail >= -1))
    throw new CommandError('--tail must be greater than or equal to -1');
}

export async function runLogs(name: string | undefined, flags: LogsFlags, terminal: Terminal): Promise<void> {
  check(name, flags);
  await inSession(flags, terminal, async (session) => {
    const logs = await chosenLogs(session, name, flags);
    const prefix = flags.prefix ?? false;
    if (!flags.follow) {
      for (const log of logs) await copy(session, log, prefix);
      return;
    }
    if (logs.length > flags.maxLogRequests)
      throw new CommandError(
        `you are attempting to follow ${logs.length} log streams, but maximum allowed concurrency is ${flags.maxLogRequests}, use --max-log-requests to increase the limit`,
      );
    const outcomes = await Promise.allSettled(logs.map((log) => copy(session, log, prefix)));
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    if (flags.ignoreErrors) for (const error of errors) terminal.error(`error: ${(error as Error).message}\n`);
    else throwFailures(errors);
  });
}
