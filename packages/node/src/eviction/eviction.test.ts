import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container, pod } from '../../test/pods.ts';
import { type DiskUse, hasDiskLimit, outgrownLimit } from './local-storage.ts';
import { pressureRefusal, pressuresAt, pressuresSeen, TRANSITION_MS } from './pressure.ts';
import { evictionMessage, type PodUse, rankedForEviction } from './ranking.ts';
import { EVICTION_HARD_DEFAULT, type Observations, parseThresholds, thresholdsMet } from './signals.ts';

const MEBI = 1024 * 1024;
const names = (pods: readonly { metadata?: { name?: string } }[]) => pods.map(({ metadata }) => metadata!.name).join(' ');

test('thresholds in the kubelet’s notation', () => {
  assert.deepEqual(parseThresholds('imagefs.available<15%,memory.available<100Mi'), [
    { signal: 'memory.available', amount: 100 * MEBI },
    { signal: 'imagefs.available', share: 0.15 },
  ]);
  assert.deepEqual(parseThresholds('nodefs.available<0%,pid.available<100%'), []);
  assert.equal(parseThresholds(EVICTION_HARD_DEFAULT).length, 5);
  for (const [text, message] of [
    ['disk.available<1', 'unsupported eviction signal disk.available'],
    ['memory.available<0', /must be positive/],
    ['memory.available<101%', /must be <= 100%/],
    ['memory.available', /quantities must match/],
  ] as const) {
    assert.throws(() => parseThresholds(text), typeof message === 'string' ? { message } : { message });
  }
});

const short: Observations = new Map([
  ['memory.available', { available: 50 * MEBI, capacity: 1024 * MEBI }],
  ['nodefs.available', { available: 200 * MEBI, capacity: 1000 * MEBI }],
]);

test('a pressure lasts for minutes after its threshold was last crossed', () => {
  const met = thresholdsMet(parseThresholds(EVICTION_HARD_DEFAULT), short);
  assert.deepEqual(
    met.map(({ signal }) => signal),
    ['memory.available'],
  );
  const seen = pressuresSeen(new Map(), met, 1000);
  assert.deepEqual(pressuresAt(seen, 1000 + TRANSITION_MS - 1), ['MemoryPressure']);
  assert.deepEqual(pressuresAt(seen, 1000 + TRANSITION_MS), []);
  assert.deepEqual(pressuresAt(pressuresSeen(seen, [], 2000), 2000), ['MemoryPressure']);
});

const asking = (memory: string) => pod({ containers: [container('c', { resources: { requests: { memory } } })] });

test('what a node under pressure takes', () => {
  assert.equal(pressureRefusal(pod(), []), undefined);
  assert.deepEqual(pressureRefusal(pod(), ['MemoryPressure']), {
    reason: 'Evicted',
    message: 'The node had condition: [MemoryPressure]. ',
  });
  assert.equal(pressureRefusal(asking('1Mi'), ['MemoryPressure']), undefined);
  assert.equal(pressureRefusal(pod({ tolerations: [{ operator: 'Exists' }] }), ['MemoryPressure']), undefined);
  assert.equal(
    pressureRefusal(asking('1Mi'), ['MemoryPressure', 'DiskPressure'])!.message,
    'The node had condition: [MemoryPressure DiskPressure]. ',
  );
  assert.equal(pressureRefusal(pod({ priority: 2_000_000_000 }), ['DiskPressure']), undefined);
});

const using = (memoryMebi: number, more: Partial<PodUse> = {}): PodUse => ({
  memoryBytes: memoryMebi * MEBI,
  diskBytes: 0,
  inodes: 0,
  processes: 0,
  containers: [{ name: 'c', memoryBytes: memoryMebi * MEBI, diskBytes: 0 }],
  ...more,
});
const named = (name: string, memory: string, priority = 0) => {
  const made = asking(memory);
  return { ...made, metadata: { ...made.metadata, name, uid: name }, spec: { ...made.spec!, priority } };
};

test('who has to go first', () => {
  const pods = [
    named('within', '100Mi'),
    named('over', '10Mi'),
    named('far-over', '10Mi'),
    named('dear', '10Mi', 5),
    named('unknown', '1Gi'),
  ];
  const uses = new Map([
    ['within', using(90)],
    ['over', using(20)],
    ['far-over', using(60)],
    ['dear', using(500)],
  ]);
  assert.equal(names(rankedForEviction(pods, uses, 'memory')), 'unknown far-over over dear within');
  const busy = new Map(pods.map(({ metadata }, i) => [metadata.name, using(0, { processes: i })]));
  assert.equal(names(rankedForEviction(pods, busy, 'pids')), 'unknown far-over over within dear');
});

test('why it had to', () => {
  const met = thresholdsMet(parseThresholds(EVICTION_HARD_DEFAULT), short);
  const one = named('over', '10Mi');
  const said = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ';
  const excess = 'Container c was using 20Mi, request is 10Mi, has larger consumption of memory. ';
  assert.equal(evictionMessage(one, using(20), 'memory', met, short), said + excess);
  assert.equal(evictionMessage(one, using(5), 'memory', met, short), said);
  const whole = { ...one, spec: { ...one.spec, resources: { requests: { memory: '15Mi' } } } };
  const ofPod = 'Pod over was using 20Mi, request is 15Mi, has larger consumption of memory. ';
  assert.equal(evictionMessage(whole, using(20), 'memory', met, short), said + ofPod + excess);
});

test('limits of a pod’s own for the disk', () => {
  const use = (volume: number, written: number, otherBytes = 0): DiskUse => ({
    volumes: new Map([['scratch', volume * MEBI]]),
    containers: new Map([['c', written * MEBI]]),
    otherBytes,
  });
  const limited = (limit: string) => container('c', { resources: { limits: { 'ephemeral-storage': limit } } });
  const volumes = [{ name: 'scratch', emptyDir: { sizeLimit: '1Mi' } }];
  assert.equal(hasDiskLimit(pod()), false);
  assert.equal(hasDiskLimit(pod({ volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '1Mi', medium: 'Memory' } }] })), false);
  assert.equal(outgrownLimit(pod({ volumes }), use(2, 0)), 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ');
  assert.equal(outgrownLimit(pod({ volumes }), use(1, 9)), undefined);
  const two = pod({ containers: [limited('2Mi'), { ...limited('3Mi'), name: 'd' }] });
  assert.equal(outgrownLimit(two, use(1, 3)), 'Container c exceeded its local ephemeral storage limit "2Mi". ');
  assert.equal(outgrownLimit(two, use(4, 1, 1)), 'Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. ');
  assert.equal(outgrownLimit(two, use(1, 2)), undefined);
});
