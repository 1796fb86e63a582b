import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { QueueSet, type Seated } from './queue-set.ts';
import { deal, flowHash } from './shuffle-sharding.ts';

const ONE = { seats: 1, extraSeatMs: 0 };

function made(queues: number, limit: number, queueLength = 50, handSize = 1) {
  let nowMs = 0;
  const set = new QueueSet(() => nowMs);
  set.configure({ queues, queueLength, handSize }, limit);
  return {
    set,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('hands are of different queues and the same for the same flow; what upstream deals is dealt', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.integer({ min: 1, max: 8 }), fc.integer({ min: 8, max: 128 }), (hash, handSize, deck) => {
      const hand = deal(hash, deck, handSize);
      assert.equal(new Set(hand).size, handSize);
      assert.ok(hand.every((card) => card >= 0 && card < deck));
      assert.deepEqual(hand, deal(hash, deck, handSize));
    }),
    { numRuns: 200 },
  );
  assert.deepEqual(deal(6n + 128n * 5n, 128, 3), [6, 5, 0]);
  assert.equal(flowHash('a', 'b') === flowHash('ab', ''), false);
});

test('without queues whoever finds no seat is turned away', () => {
  const { set } = made(0, 2);
  const first = set.enter([], ONE, () => {}) as Seated;
  set.enter([], ONE, () => {});
  assert.equal(
    set.enter([], ONE, () => {}),
    'concurrency-limit',
  );
  set.finish(first);
  assert.equal(typeof set.enter([], ONE, () => {}), 'object');
});

test('a flow that floods waits in its own queue, and another is served next', () => {
  const { set, pass } = made(2, 1, 3);
  const order: string[] = [];
  let seated = set.enter([0], ONE, () => {}) as Seated;
  const ask = (name: string, hand: number[]) =>
    set.enter(hand, ONE, (next) => {
      order.push(name);
      seated = next;
    });
  for (const name of ['flood 1', 'flood 2', 'flood 3']) ask(name, [0]);
  assert.equal(ask('flood 4', [0]), 'queue-full');
  ask('quiet', [1]);
  for (let i = 0; i < 4; i++) {
    pass(3);
    set.finish(seated);
  }
  assert.deepEqual(order, ['quiet', 'flood 1', 'flood 2', 'flood 3']);
  set.finish(seated);
  assert.ok(set.idle);
});

test('a wide request waits for enough seats and is not overtaken; one wider than the level goes alone', () => {
  const { set, pass } = made(2, 4);
  const order: string[] = [];
  const held = [set.enter([0], ONE, () => {}), set.enter([0], ONE, () => {})] as Seated[];
  const later: Seated[] = [];
  const ask = (name: string, seats: number) =>
    set.enter([0], { seats, extraSeatMs: 0 }, (next) => {
      order.push(name);
      later.push(next);
    });
  ask('wide', 3);
  ask('narrow', 1);
  assert.deepEqual(order, []);
  pass(1);
  set.finish(held[0]!);
  assert.deepEqual(order, ['wide', 'narrow'].slice(0, order.length));
  set.finish(held[1]!);
  assert.deepEqual(order, ['wide', 'narrow']);
  for (const each of later.splice(0)) set.finish(each);
  const wider = set.enter([0], { seats: 9, extraSeatMs: 0 }, () => {});
  assert.ok('seats' in (wider as Seated));
  assert.ok('leave' in (set.enter([1], ONE, () => {}) as object));
});

test('who leaves the queue is not seated', () => {
  const { set } = made(1, 1);
  const first = set.enter([0], ONE, () => {}) as Seated;
  const place = set.enter([0], ONE, () => assert.fail('it has left')) as { leave(): void };
  place.leave();
  place.leave();
  set.finish(first);
  assert.deepEqual([set.waiting, set.seatsWaiting, set.seatsInUse, set.executing], [0, 0, 0, 0]);
});

test('no seat is lost or used twice, whatever comes and goes', () => {
  const step = fc.record({
    flow: fc.nat(5),
    seats: fc.integer({ min: 1, max: 4 }),
    passMs: fc.nat(5),
    ends: fc.nat(3),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (steps, limit) => {
      const { set, pass } = made(4, limit, 5, 2);
      const seated: Seated[] = [];
      const places: { leave(): void }[] = [];
      for (const { flow, seats, passMs, ends, leaves } of steps) {
        pass(passMs);
        const entered = set.enter(deal(BigInt(flow * 977), 4, 2), { seats, extraSeatMs: 0 }, (next) => seated.push(next));
        if (typeof entered === 'object') 'leave' in entered ? places.push(entered) : seated.push(entered);
        for (let i = 0; i < ends && seated.length > 0; i++) set.finish(seated.shift()!);
        if (leaves) places.pop()?.leave();
        assert.equal(
          set.seatsInUse,
          seated.reduce((sum, each) => sum + each.seats, 0),
        );
        assert.ok(set.seatsInUse <= limit || seated.length === 1);
        if (set.waiting > 0) assert.ok(seated.length > 0, 'who waits, waits for somebody');
      }
      while (seated.length > 0) set.finish(seated.shift()!);
      assert.ok(set.idle);
      assert.equal(set.seatsWaiting, 0);
    }),
    { numRuns: 200 },
  );
});
