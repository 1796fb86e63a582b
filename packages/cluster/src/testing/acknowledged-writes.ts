// Writes objects without a pause and remembers what the server acknowledged, so that a later look can say whether anything is lost.
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';

const NAMESPACE = 'default';
const PREFIX = 'written-';
const WRITERS = 4;
/** Each writer changes this many objects in turn: creates, updates, and at last deletes them. */
const OBJECTS_PER_WRITER = 8;
const ROUNDS_UNTIL_DELETED = 6;

interface Known {
  /** The last acknowledged value, or undefined when the deletion was acknowledged. */
  value: number | undefined;
  /** What was asked for and not answered when the server died: it may have happened. */
  unanswered?: { value: number | undefined };
}

export interface AcknowledgedWrites {
  /** How many writes were acknowledged altogether. */
  count(): number;
  /** Writes until the server is gone or `stop` is called. */
  run(client: Client): { stopped: Promise<void>; stop(): void };
  /** What is missing or older than acknowledged, in sentences; empty when all is well. */
  losses(client: Client): Promise<string[]>;
}

export function acknowledgedWrites(): AcknowledgedWrites {
  const known = new Map<string, Known>();
  let count = 0;
  let revision = 0n;
  let value = 0;

  const step = async (client: Client, name: string, round: number) => {
    const maps = client.of(corev1.configmaps);
    const entry = known.get(name) ?? { value: undefined };
    known.set(name, entry);
    const wanted = entry.value !== undefined && round % ROUNDS_UNTIL_DELETED === ROUNDS_UNTIL_DELETED - 1 ? undefined : ++value;
    entry.unanswered = { value: wanted };
    if (wanted === undefined) await maps.delete(name, NAMESPACE);
    else {
      const data = { value: String(wanted) };
      const written =
        entry.value === undefined
          ? await maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NAMESPACE }, data })
          : await maps.patch(name, NAMESPACE, 'merge', { data });
      const now = BigInt(written.metadata!.resourceVersion!);
      if (now > revision) revision = now;
    }
    entry.value = wanted;
    delete entry.unanswered;
    count++;
  };

  return {
    count: () => count,
    run: (client) => {
      let going = true;
      const writer = async (index: number) => {
        for (let round = 0; going; round++) {
          for (let object = 0; object < OBJECTS_PER_WRITER && going; object++) await step(client, `${PREFIX}${index}-${object}`, round);
        }
      };
      // A writer ends with the server; what it was about stays unanswered.
      const writers = Array.from({ length: WRITERS }, (_, index) => writer(index).catch(() => undefined));
      return {
        stopped: Promise.all(writers).then(() => undefined),
        stop: () => {
          going = false;
        },
      };
    },
    losses: async (client) => {
      const { items, metadata } = await client.of(corev1.configmaps).list({ namespace: NAMESPACE });
      const found = new Map(items.map((item) => [item.metadata!.name!, Number(item.data?.value)]));
      const losses: string[] = [];
      const now = BigInt(metadata.resourceVersion!);
      if (now < revision) losses.push(`the revision went back from ${revision} to ${now}`);
      for (const [name, entry] of known) {
        const is = found.get(name);
        const possible = entry.unanswered ? [entry.value, entry.unanswered.value] : [entry.value];
        if (!possible.includes(is)) losses.push(`${name} is ${is}, and ${possible.join(' or ')} was acknowledged`);
        entry.value = is;
        delete entry.unanswered;
      }
      if (now > revision) revision = now;
      return losses;
    },
  };
}
