import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pauseProgram } from './pause-program.ts';

test('both programs are small and say what they are', () => {
  for (const [architecture, machine] of [
    ['amd64', 62],
    ['arm64', 183],
  ] as const) {
    const program = Buffer.from(pauseProgram(architecture));
    assert.equal(program.readUInt32BE(0), 0x7f454c46);
    assert.equal(program.readUInt16LE(18), machine);
    assert.ok(program.length < 400, `${program.length} bytes`);
  }
});

/** Each look takes the kernel longer than the program needs to get there. */
const LOOKS_MAX = 10_000;
const runs = process.platform === 'linux' && (arch() === 'x64' || arch() === 'arm64');

for (const name of ['SIGTERM', 'SIGINT'] as const) {
  test(`waits and ends on ${name}`, { skip: runs ? false : 'needs Linux on amd64 or arm64' }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'pause-'));
    try {
      const file = join(directory, 'pause');
      await writeFile(file, pauseProgram(arch() === 'x64' ? 'amd64' : 'arm64'), { mode: 0o755 });
      const child = spawn(file);
      await new Promise((resolve) => child.once('spawn', resolve));
      const ended = new Promise<[number | null, string | null]>((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
      const waits = async () => /^State:\s+S/m.test(await readFile(`/proc/${child.pid}/status`, 'utf8'));
      for (let looks = 0; !(await waits()); looks++) assert.ok(looks < LOOKS_MAX, 'it does not come to rest');
      child.kill(name);
      assert.deepEqual(await ended, [0, null]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}
