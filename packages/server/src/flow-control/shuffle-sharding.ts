// Deals a flow its few queues out of many, so that two flows rarely share all of theirs (apiserver pkg/util/shufflesharding).
import { createHash } from 'node:crypto';

/** The flow's number: from the name of its schema and what tells it from the schema's other flows. */
export function flowHash(schemaName: string, distinguisher: string): bigint {
  return createHash('sha256').update(schemaName).update('\0').update(distinguisher).digest().readBigUInt64LE(0);
}

/** `handSize` different cards out of a deck, chosen by the number alone. */
export function deal(hash: bigint, deckSize: number, handSize: number): number[] {
  const hand: number[] = [];
  const remainders: number[] = [];
  let rest = hash;
  for (let i = 0; i < handSize; i++) {
    const size = BigInt(deckSize - i);
    remainders.push(Number(rest % size));
    rest /= size;
  }
  for (let i = 0; i < handSize; i++) {
    let card = remainders[i]!;
    for (let j = i; j > 0; j--) if (card >= remainders[j - 1]!) card++;
    hand.push(card);
  }
  return hand;
}
