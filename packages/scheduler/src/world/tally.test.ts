// Counts that follow the changes must be what counting anew would give.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import fc from 'fast-check';
import { node, pod } from '../testing/snapshot.ts';
import { podInfo } from './infos.ts';
import type { TallyDefinition } from './tally.ts';
import { World } from './world.ts';

const zoneOf = (n: corev1.Node) => n.metadata?.labels?.zone;

const definition: TallyDefinition = {
  key: 'web by zone',
  topologyKey: 'zone',
  ignoresTerminating: true,
  matches: ({ pod: one }) => one.metadata?.labels?.app === 'web',
  eligible: ({ node: one }) => one.metadata?.labels?.disk !== 'slow',
};

/** The same by looking at everything. */
function counted(nodes: readonly corev1.Node[], placed: ReadonlyMap<string, [corev1.Pod, string]>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const n of nodes) {
    const zone = zoneOf(n);
    if (zone === undefined || n.metadata?.labels?.disk === 'slow') continue;
    const here = [...placed.values()].filter(
      ([p, name]) => name === n.metadata!.name && p.metadata?.labels?.app === 'web' && !p.metadata.deletionTimestamp,
    );
    counts.set(zone, (counts.get(zone) ?? 0) + here.length);
  }
  return counts;
}

const name = fc.constantFrom('n1', 'n2', 'n3', 'n4');
const step = fc.oneof(
  fc.record({
    do: fc.constant('node' as const),
    name,
    zone: fc.constantFrom('a', 'b', 'c', undefined),
    disk: fc.constantFrom('slow', 'fast'),
  }),
  fc.record({ do: fc.constant('remove node' as const), name }),
  fc.record({ do: fc.constant('pod' as const), uid: fc.nat(9), name, app: fc.constantFrom('web', 'db'), ending: fc.boolean() }),
  fc.record({ do: fc.constant('remove pod' as const), uid: fc.nat(9) }),
);

test('a tally is what counting anew gives, after any story of nodes and pods', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(39), (steps, from) => {
      const world = new World(() => ({}));
      const nodes = new Map<string, corev1.Node>();
      const placed = new Map<string, [corev1.Pod, string]>();
      for (const [index, one] of steps.entries()) {
        // The tally may be asked for at any time.
        if (index === from) world.tally(definition);
        if (one.do === 'node') {
          const n = node(one.name, { labels: { disk: one.disk, ...(one.zone ? { zone: one.zone } : {}) } });
          nodes.set(one.name, n);
          world.setNode(n);
        } else if (one.do === 'remove node') {
          nodes.delete(one.name);
          world.removeNode(one.name);
        } else if (one.do === 'pod') {
          const p = pod(`p${one.uid}`, {}, { app: one.app });
          p.metadata = { ...p.metadata, uid: `u${one.uid}`, ...(one.ending ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) };
          placed.set(`u${one.uid}`, [p, one.name]);
          world.place(podInfo(p), one.name);
        } else {
          placed.delete(`u${one.uid}`);
          world.remove(`u${one.uid}`);
        }
      }
      const expected = counted([...nodes.values()], placed);
      const tally = world.tally(definition);
      const found = new Map<string, number>();
      for (const info of world.nodes) {
        const domain = tally.domain(info);
        if (domain) found.set(domain.value, domain.count);
      }
      assert.deepEqual([...found].sort(), [...expected].sort());
      assert.equal(tally.domains, expected.size);
      assert.equal(
        tally.total,
        [...expected.values()].reduce((sum, count) => sum + count, 0),
      );
      assert.equal(tally.min, expected.size === 0 ? 0 : Math.min(...expected.values()));
      for (const info of world.nodes) {
        const domain = tally.domain(info);
        if (!domain) continue;
        for (const by of [-1, 1]) {
          const changed: number[] = [...expected].map(([value, count]) => (value === domain.value ? count + by : count));
          assert.equal(tally.minAfter(domain, by), Math.min(...changed));
        }
      }
    }),
    { numRuns: 300 },
  );
});
