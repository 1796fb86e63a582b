// Completion from the cluster: resource types, then names. Silent and quick: whoever presses Tab waits.
import { type KubeObject, pathOf } from '@tiphys/api';
import { realClock } from '@tiphys/runtime';
import type { Terminal } from '../terminal.ts';
import type { ApiResource } from './discovery.ts';
import { type ConnectionFlags, inSession, type Session } from './session.ts';

const COMPLETION_MS_MAX = 2_000;
const NAMES_MAX = 200;

const FLAGS: Record<string, keyof Pick<ConnectionFlags, 'namespace' | 'kubeconfig' | 'context'>> = {
  '-n': 'namespace',
  '--namespace': 'namespace',
  '--kubeconfig': 'kubeconfig',
  '--context': 'context',
};

/** The connection's flags among the words, and the words that are arguments. */
export function splitWords(words: readonly string[]): { flags: ConnectionFlags; args: string[] } {
  const flags: ConnectionFlags = {};
  const args: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const [name = '', value] = words[index]!.split('=');
    const flag = FLAGS[name];
    if (flag) flags[flag] = value ?? words[++index] ?? '';
    else if (!words[index]!.startsWith('-')) args.push(words[index]!);
  }
  return { flags, args };
}

async function namesOf(session: Session, resource: ApiResource, prefix: string): Promise<string[]> {
  const namespace = resource.namespaced ? session.namespace : undefined;
  const { items } = await session.call<{ items: KubeObject[] }>('GET', pathOf(resource, namespace), { query: { limit: NAMES_MAX } });
  return items.map(({ metadata }) => metadata?.name ?? '').filter((name) => name.startsWith(prefix));
}

async function find(session: Session, command: string, args: readonly string[], typed: string): Promise<string[]> {
  const discovery = await session.discovery();
  const slash = typed.indexOf('/');
  if (slash > 0) {
    const type = typed.slice(0, slash);
    const names = await namesOf(session, discovery.named(type)[0]!, typed.slice(slash + 1));
    return names.map((name) => `${type}/${name}`);
  }
  const takesPods = command === 'logs' || command === 'exec' || command === 'port-forward';
  if (takesPods) return args.length === 0 ? namesOf(session, discovery.named('pods')[0]!, typed) : [];
  if (args.length > 0) return args[0]!.includes('/') ? [] : namesOf(session, discovery.named(args[0]!)[0]!, typed);
  const types = discovery.all.filter(({ verbs }) => verbs.includes('list')).map(({ resource }) => resource);
  return [...new Set(types)].filter((type) => type.startsWith(typed)).sort();
}

/** What may continue the words; nothing when the cluster does not answer in time. */
export async function resourceCompletions(words: readonly string[], terminal: Terminal): Promise<string[]> {
  const [command = '', ...rest] = words;
  const typed = rest.pop() ?? '';
  const { flags, args } = splitWords(rest);
  const late = realClock()
    .sleep(COMPLETION_MS_MAX)
    .then((): string[] => []);
  const work = inSession(flags, { ...terminal, error: () => undefined }, (session) => find(session, command, args, typed));
  return Promise.race([late, work]).catch(() => []);
}
