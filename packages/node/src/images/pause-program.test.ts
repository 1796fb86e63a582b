import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
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

test('the program for arm64 is the one that was watched at work, system call by system call, under qemu-aarch64', () => {
  const digest = createHash('sha256').update(pauseProgram('arm64')).digest('hex');
  assert.equal(digest, '94d656452e5234aa29bcc8e5fc1f457fc411ebbfc2dbc6d8a6cc546f70c1366f');
});

/** Each look takes the kernel longer than the program needs to get there. */
const LOOKS_MAX = 10_000;
/** rt_sigtimedwait; an emulator makes the machine's own call. */
const RECEIVE_SIGNAL = arch() === 'x64' ? 128 : 137;
const isLinux = process.platform === 'linux';
const native = arch() === 'x64' ? 'amd64' : 'arm64';
const emulator = (process.env.PATH ?? '')
  .split(':')
  .map((folder) => join(folder, 'qemu-aarch64'))
  .find((path) => existsSync(path));
const machines = [
  { architecture: native, run: (file: string) => spawn(file), skip: isLinux ? false : 'needs Linux' },
  {
    architecture: 'arm64',
    run: (file: string) => spawn(emulator!, [file]),
    skip: isLinux && native === 'amd64' && emulator ? false : 'needs qemu-aarch64 on Linux',
  },
] as const;

for (const { architecture, run, skip } of machines) {
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    test(`the program for ${architecture} waits and ends on ${name}`, { skip }, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'pause-'));
      try {
        const file = join(directory, 'pause');
        await writeFile(file, pauseProgram(architecture), { mode: 0o755 });
        const child = run(file);
        await new Promise((resolve) => child.once('spawn', resolve));
        const ended = new Promise<[number | null, string | null]>((resolve) =>
          child.once('exit', (code, signal) => resolve([code, signal])),
        );
        // In the kernel's words: it waits inside the system call that receives signals.
        const waits = async () => (await readFile(`/proc/${child.pid}/syscall`, 'utf8')).startsWith(`${RECEIVE_SIGNAL} `);
        for (let looks = 0; !(await waits()); looks++) assert.ok(looks < LOOKS_MAX, 'it does not come to rest');
        child.kill(name);
        assert.deepEqual(await ended, [0, null]);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });
  }
}
