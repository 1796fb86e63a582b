// Loaded into a server that is to be profiled (BENCH_PROFILE): from the start on the CPU is sampled, and at every SIGUSR2 what was
// sampled since the last is written to a file of its own. Servers are killed at the end, so nothing can wait for it.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';

const SAMPLE_US = 200;

const directory = process.env.BENCH_PROFILE!;
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
await session.post('Profiler.start');
let count = 0;
process.on('SIGUSR2', async () => {
  const { profile } = await session.post('Profiler.stop');
  writeFileSync(join(directory, `${process.pid}-${String(count++).padStart(2, '0')}.cpuprofile`), JSON.stringify(profile));
  await session.post('Profiler.start');
});
