import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LABELS } from '../pod-worker/pod-runtime.ts';
import { nodeUsageOf, podUsages } from './usage.ts';

test('what the machine uses', () => {
  const stat = 'cpu  100 10 50 9000 400 1 2 3 0 0\ncpu0 1 1 1 1\nbtime 1700000000\n';
  const meminfo = 'MemTotal: 1000 kB\nMemFree: 400 kB\nInactive: 999 kB\nInactive(file): 100 kB\nAnonPages: 300 kB\n';
  assert.deepEqual(nodeUsageOf(stat, meminfo, 5), {
    timeMs: 5,
    cpuCoreNanoSeconds: 166e7,
    memoryUsageBytes: 600 * 1024,
    memoryWorkingSetBytes: 500 * 1024,
    memoryRssBytes: 300 * 1024,
    memoryAvailableBytes: 500 * 1024,
    bootMs: 1_700_000_000_000,
  });
});

test('what pods use is what their containers use together', () => {
  const stats = (container: string, cpu: number, memory: number) => ({
    attributes: {
      labels: { [LABELS.podUid]: 'u', [LABELS.podNamespace]: 'n', [LABELS.podName]: 'p', [LABELS.containerName]: container },
    },
    cpu: { timestamp: 7e6, usageCoreNanoSeconds: { value: cpu }, usageNanoCores: { value: 1 } },
    memory: { workingSetBytes: { value: memory } },
  });
  const running = { state: { running: { startedAt: '2026-01-01T00:00:00Z' } }, name: 'a' };
  const pod = { status: { startTime: '2025-12-31T00:00:00Z', containerStatuses: [running] } };
  const [only, ...others] = podUsages([stats('a', 10, 100), stats('b', 5, 50)], () => pod as never, 9);
  assert.deepEqual(others, []);
  assert.deepEqual([only!.usage!.cpuCoreNanoSeconds, only!.usage!.memoryWorkingSetBytes, only!.usage!.cpuNanoCores], [15, 150, 2]);
  assert.deepEqual(only!.containers[0], {
    name: 'a',
    startTime: '2026-01-01T00:00:00Z',
    usage: { timeMs: 7, cpuNanoCores: 1, cpuCoreNanoSeconds: 10, memoryWorkingSetBytes: 100 },
  });
});
