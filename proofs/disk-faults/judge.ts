// What a file must hold after the answers that were given while its disk failed.
import { type Store, sqliteStore } from '@tiphys/storage';

export type Fact =
  /** null: deleted. */
  | { type: 'write'; name: string; value: string | null; code: number; message: string }
  | { type: 'read'; problem: string }
  /** The store did not open. */
  | { type: 'refused'; message: string };

type WriteFact = Extract<Fact, { type: 'write' }>;

const isDone = ({ code }: WriteFact) => code < 300;
/** In the words of the store. */
const isUncertain = ({ message }: WriteFact) => /not known whether/.test(message);

/** What is wrong with the answers themselves. */
export function answersOf(facts: readonly Fact[]): string[] {
  const failures: string[] = [];
  for (const fact of facts) {
    if (fact.type === 'read' && fact.problem !== '') failures.push(`while writes failed, ${fact.problem}`);
    if (fact.type === 'refused' && !/can't be (written|opened)|damaged/.test(fact.message))
      failures.push(`the start was refused with "${fact.message}"`);
    if (fact.type !== 'write' || isDone(fact)) continue;
    if (fact.code < 500) failures.push(`a write that could not be done was answered with ${fact.code}`);
    if (!/durable|not known/.test(fact.message)) failures.push(`a write was refused without a reason: ${fact.code} "${fact.message}"`);
  }
  return failures;
}

async function contents(store: Store): Promise<Map<string, string>> {
  const { records } = await store.list('/registry/');
  return new Map(
    records.map(({ key, value }) => [key.slice(key.lastIndexOf('/') + 1), JSON.parse(Buffer.from(value).toString()).data.value as string]),
  );
}

/** What was acknowledged is there and nothing else, but for writes after the last of them whose outcome was said to be unknown. */
export async function judge(path: string, facts: readonly Fact[]): Promise<string[]> {
  const writes = facts.filter((fact) => fact.type === 'write');
  const expected = new Map<string, string>();
  for (const { name, value } of writes.filter(isDone)) {
    if (value === null) expected.delete(name);
    else expected.set(name, value);
  }
  const uncertain = writes.slice(writes.findLastIndex(isDone) + 1).filter(isUncertain);
  try {
    await using store = sqliteStore(path);
    const found = await contents(store);
    const failures: string[] = [];
    for (const name of new Set([...expected.keys(), ...found.keys()])) {
      const is = found.get(name);
      const may = uncertain.some((write) => write.name === name && (write.value ?? undefined) === is);
      if (is !== expected.get(name) && !may)
        failures.push(`${name} is ${is?.slice(0, 12)} and was acknowledged as ${expected.get(name)?.slice(0, 12)}`);
    }
    return failures;
  } catch (error) {
    return [`it does not open: ${(error as Error).message}`];
  }
}
